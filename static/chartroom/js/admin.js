/* Small corrections to unfold's page, which the content security policy and screen readers need. */

/* htmx would insert an inline <style> for its indicators. */
if (window.htmx) htmx.config.includeIndicatorStyles = false;

/* SimpleBar makes scrolling regions without a name. */
document.addEventListener("DOMContentLoaded", () => {
  const words = document.getElementById("chartroom-words")?.dataset ?? {};
  document.querySelectorAll("[data-simplebar]").forEach((region, index) => {
    const name = region.id === "nav-sidebar-apps" ? words.menu : `${words.region ?? ""} ${index}`;
    region.setAttribute("data-simplebar-aria-label", name ?? "");
  });
});

/* unfold expects a text field beside each field for a file, which ours do not have. */
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".cr-admin input[type=file]").forEach((input) => {
    input.hasChangeListener = true;
  });
});
