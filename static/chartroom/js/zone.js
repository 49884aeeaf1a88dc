/* Offers the time zone that the device says, where the list has it; choosing is still the person's. */
document.addEventListener("DOMContentLoaded", () => {
  const line = document.querySelector("[data-zone-here]");
  const list = document.querySelector("select[name=zone]");
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const choice = list && [...list.options].find((option) => option.value === here);
  if (!line || !choice) return;
  const button = line.querySelector("button");
  button.textContent = choice.text;
  button.addEventListener("click", () => {
    list.value = here;
    list.focus();
  });
  line.hidden = false;
});
