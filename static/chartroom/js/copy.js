/* Copies a text that is shown, and says so. Without a script the text can be selected. */
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("button[data-copy]").forEach((button) => {
    const field = document.getElementById(button.dataset.copy);
    const said = document.getElementById(button.dataset.says);
    if (!field || !navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      field.select();
      await navigator.clipboard.writeText(field.value);
      said.textContent = said.dataset.text;
    });
  });
});
