/* The calendar with a mouse: a visit is dragged to another time, a free cell books there. The
   keyboard has M on a visit; without this file there are “Move the visit” and “New visit”. */
document.addEventListener("DOMContentLoaded", () => {
  const table = document.querySelector(".cr-cal[data-book]");
  const dialog = document.getElementById("move");
  if (!table || !dialog) return;
  const form = dialog.querySelector("form");
  const byRoom = table.dataset.by === "room";
  let dragged = null;

  /* The cell of a drop: on a visit of several rows it is the row under the pointer. */
  const timeAt = (cell, event) => {
    const rows = cell.rowSpan;
    const box = cell.getBoundingClientRect();
    const row = Math.min(rows - 1, Math.floor(((event.clientY - box.top) / box.height) * rows));
    const [day, clock] = cell.dataset.at.split("T");
    const [hours, minutes] = clock.split(":").map(Number);
    const after = hours * 60 + minutes + 15 * Math.max(0, row);
    const two = (number) => String(number).padStart(2, "0");
    return { day, time: `${two(Math.floor(after / 60))}:${two(after % 60)}` };
  };
  const nameOf = (cell) => {
    const columns = [...table.tHead.rows[0].cells];
    const left = cell.getBoundingClientRect().left;
    const head = columns.find((one) => Math.abs(one.getBoundingClientRect().left - left) < 2);
    return head?.firstChild?.textContent.trim() ?? "";
  };
  const unmark = () => table.querySelector(".cr-drop")?.classList.remove("cr-drop");

  table.addEventListener("dragstart", (event) => {
    dragged = event.target.closest("[data-move]");
    if (!dragged) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.dataset.name);
  });
  table.addEventListener("dragend", () => {
    unmark();
    dragged = null;
  });
  table.addEventListener("dragover", (event) => {
    const cell = event.target.closest("td[data-at]");
    if (!dragged || !cell) return;
    event.preventDefault();
    unmark();
    cell.classList.add("cr-drop");
  });
  table.addEventListener("drop", (event) => {
    const cell = event.target.closest("td[data-at]");
    if (!dragged || !cell) return;
    event.preventDefault();
    const to = timeAt(cell, event);
    const words = { name: dragged.dataset.name, from: dragged.dataset.from, to: to.time };
    words.who = nameOf(cell);
    document.getElementById("move-what").textContent = dialog.dataset.question.replace(
      /%\((\w+)\)s/g,
      (_all, name) => words[name],
    );
    form.action = dragged.dataset.move;
    form.elements.day.value = to.day;
    form.elements.time.value = to.time;
    form.elements.version.value = dragged.dataset.version;
    form.elements.specialist.value = byRoom ? "" : cell.dataset.who;
    form.elements.room.value = byRoom ? cell.dataset.who : "";
    dialog.showModal();
  });
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());

  table.addEventListener("keydown", (event) => {
    const visit = event.target.closest("[data-move]");
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (visit && plain && event.key.toLowerCase() === "m") window.location = visit.dataset.move;
  });

  table.addEventListener("click", (event) => {
    const cell = event.target.closest("td[data-at]");
    if (!cell || event.target.closest(".cr-ev")) return;
    const [day, time] = cell.dataset.at.split("T");
    const asked = new URLSearchParams({ day, time });
    asked.set(byRoom ? "room" : "specialist", cell.dataset.who);
    window.location = `${table.dataset.book}?${asked}`;
  });
});
