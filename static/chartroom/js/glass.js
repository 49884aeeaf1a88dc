/* A page about a patient who is open in an emergency: counts down, and at the end stands aside. The
   server refuses by itself; this takes away what is on the screen, after the machine slept too. */
document.addEventListener("DOMContentLoaded", () => {
  const strip = document.getElementById("glass");
  if (!strip) return;
  const ends = Date.now() + Number(strip.dataset.seconds) * 1000;
  const left = strip.querySelector("[data-left]");
  const ended = document.getElementById("glass-ended");
  const show = () => {
    const seconds = Math.max(0, Math.ceil((ends - Date.now()) / 1000));
    const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    left.textContent = left.dataset.words.replace("TIME", time);
    if (seconds > 0) return;
    clearInterval(clock);
    document.querySelector("main").replaceChildren(ended.content.cloneNode(true));
  };
  const clock = setInterval(show, 1000);
  show();
});
