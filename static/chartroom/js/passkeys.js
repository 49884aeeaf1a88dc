/* Passkeys: a form with data-passkey ("create" or "get") asks the browser for one, and sends what it
   answers. The options stand in the element that data-options names; without one they are fetched
   from the form's address. allauth's webauthn-json turns them into what the browser takes. */
document.querySelectorAll("form[data-passkey]").forEach((form) => {
  const { passkey, options } = form.dataset;
  if (!window.PublicKeyCredential) {
    const missing = document.getElementById(form.dataset.missing);
    if (missing) missing.hidden = false;
    return;
  }
  form.hidden = false;
  const failed = document.getElementById(form.dataset.failed);

  const asked = async () => {
    if (options) return JSON.parse(document.getElementById(options).textContent);
    const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error("no options");
    return answer.json();
  };

  const answered = async () => {
    const { creation_options: create, request_options: get } = await asked();
    if (passkey === "get") return window.webauthnJSON.get(get);
    /* One that signs in alone: it stays on the device, and asks who holds it. */
    Object.assign(create.publicKey.authenticatorSelection, {
      residentKey: "required",
      requireResidentKey: true,
      userVerification: "required",
    });
    return window.webauthnJSON.create(create);
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    failed.hidden = true;
    try {
      form.elements.credential.value = JSON.stringify(await answered());
      form.submit();
    } catch {
      failed.hidden = false;
      failed.focus();
    }
  });
});
