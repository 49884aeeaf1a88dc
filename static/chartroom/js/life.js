/* How long one stays signed in. The server decides; this tells it when a person acts in the page,
   warns before the end, and at the end leaves the page, so that nothing of it stays in sight.
   Times are those of the wall clock: they go on while the computer sleeps. */
(() => {
  const dialog = document.getElementById("signed-in");
  if (!dialog) return;
  const { alive, signIn } = dialog.dataset;
  const form = dialog.querySelector("form");
  const WARNED = 60_000; // before the end
  const SIGNED = 60_000; // a sign of life at most this often
  let ends;
  let toldAt = Date.now();
  let asking = null;
  let isWarned = false;

  const learn = ({ left, last }) => {
    ends = Date.now() + left * 1000;
    dialog.querySelector("[data-when=idle]").hidden = last;
    dialog.querySelector("[data-when=last]").hidden = !last;
    if (left * 1000 <= WARNED) return;
    isWarned = false;
    dialog.close();
  };

  const leave = () => {
    document.body.replaceChildren();
    location.replace(signIn);
  };

  const token = () => /(?:^|; )csrftoken=([^;]*)/.exec(document.cookie)?.[1] ?? "";

  const send = async (method) => {
    try {
      const answer = await fetch(method === "GET" ? `${alive}?refresh=1` : alive, {
        method,
        headers: method === "GET" ? {} : { "X-CSRFToken": token() },
        cache: "no-store",
        signal: AbortSignal.timeout(5000),
      });
      if (answer.ok) learn(await answer.json());
    } catch {
      /* No connection: the clock of this page goes on. */
    }
  };

  /* POST is a sign of life; GET asks without giving one: another window may have given it. */
  const ask = (method) => {
    asking ??= send(method).finally(() => {
      asking = null;
    });
    return asking;
  };

  const act = () => {
    const now = Date.now();
    if (now >= ends || dialog.open || now - toldAt < SIGNED) return;
    toldAt = now;
    ask("POST");
  };

  const look = async () => {
    if (Date.now() >= ends) document.body.hidden = true;
    if (Date.now() >= ends || (Date.now() >= ends - WARNED && !isWarned)) await ask("GET");
    if (Date.now() >= ends) return leave();
    document.body.hidden = false;
    if (Date.now() < ends - WARNED) return;
    if (!isWarned) dialog.showModal();
    isWarned = true;
  };

  const stay = () => {
    toldAt = Date.now();
    ask("POST");
  };

  learn({ left: Number(dialog.dataset.left), last: dialog.dataset.last === "true" });
  for (const name of ["keydown", "pointerdown", "wheel", "touchmove"]) {
    addEventListener(name, act, { passive: true, capture: true });
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    stay();
  });
  dialog.addEventListener("cancel", stay); // with the Escape key
  /* Woken up, or shown again from the browser's memory. */
  document.addEventListener("visibilitychange", () => document.hidden || look());
  addEventListener("pageshow", (event) => event.persisted && look());
  setInterval(look, 1000);
})();
