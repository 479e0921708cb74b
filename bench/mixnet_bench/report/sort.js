"use strict";
// A column's button sorts its table: up, then down. Cells without a number come last.
function order(row, column, byNumber) {
  const cell = row.cells[column];
  if (!byNumber) return cell.textContent;
  return cell.dataset.value === undefined ? NaN : Number(cell.dataset.value);
}
function compare(first, second) {
  if (typeof first === "string") return first.localeCompare(second, "en", { numeric: true });
  return first - second;
}
function sort(button) {
  const header = button.parentElement;
  const table = header.closest("table");
  const body = table.tBodies[0];
  const down = header.getAttribute("aria-sort") === "ascending";
  const rows = Array.from(body.rows);
  const byNumber = rows.some((row) => row.cells[header.cellIndex].dataset.value !== undefined);
  const keyed = rows.map((row) => [order(row, header.cellIndex, byNumber), row]);
  const known = keyed.filter(([key]) => !Number.isNaN(key));
  const unknown = keyed.filter(([key]) => Number.isNaN(key));
  known.sort(([first], [second]) => (down ? compare(second, first) : compare(first, second)));
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
  body.append(...known.concat(unknown).map(([, row]) => row));
}
for (const button of document.querySelectorAll("thead button")) {
  button.addEventListener("click", () => sort(button));
}
