/* What is shared can be taken back while a page of it is open: the page asks whether it still may be
 * shown, and leaves when not. Nothing of it comes back from the browser's memory of pages. */
(() => {
  const leave = (to) => {
    document.querySelectorAll("main, .p-band, .p-switch").forEach((part) => part.replaceChildren());
    location.replace(to);
  };

  const ask = async ({ still, gone }) => {
    let answer;
    try {
      answer = await fetch(still, { redirect: "manual", cache: "no-store" });
    } catch {
      return; // no network: what is on the screen is all there is
    }
    if (answer.type === "opaqueredirect") leave(location.href); // signed out: to the sign-in
    else if (answer.status < 500 && answer.status !== 204) leave(gone);
  };

  document.addEventListener("DOMContentLoaded", () => {
    const { still, gone, every } = document.body.querySelector("[data-still]")?.dataset ?? {};
    if (!still) return;
    setInterval(() => ask({ still, gone }), Number(every) * 1000);
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) ask({ still, gone });
    });
  });

  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
})();
