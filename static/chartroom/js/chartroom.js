/* What makes a page better where scripts run. Every page works without this file. */
document.addEventListener("DOMContentLoaded", () => {
  /* A form that came back: the summary of its errors is read first. */
  document.querySelector(".cr-errsum")?.focus();

  /* Printing needs a script, so its buttons are hidden until one runs. */
  document.querySelectorAll("button[data-print]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  });

  /* A radio with data-shows names the text that says what was chosen. */
  document.addEventListener("change", (event) => {
    const { shows, text } = event.target.dataset;
    if (shows) document.getElementById(shows).textContent = text;
  });

  /* Menus made of <details> close on Escape and on a click elsewhere. */
  const closeMenus = (except) =>
    document.querySelectorAll("details[data-menu][open]").forEach((menu) => {
      if (!menu.contains(except)) menu.open = false;
    });
  document.addEventListener("click", (event) => closeMenus(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeMenus(null);
  });
});
