(() => {
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);

  const shownText = (element) => element.innerText.trim().replace(/\s*\n\s*/g, ", ");

  const table = document.querySelector(".matrix");
  const columns = [...table.tHead.rows[0].cells].slice(1);
  const lines = [...table.tBodies[0].rows];
  const rules = document.styleSheets[0];
  const fixed = rules.cssRules.length;
  const has = (element, words) => element.textContent.toLowerCase().includes(words);
  const filter = () => {
    const line = one("filter-lines").value.toLowerCase();
    const column = one("filter-columns").value.toLowerCase();
    const grave = one("filter-attention").checked;
    let shown = 0;
    for (const row of lines) {
      row.hidden = !has(row.cells[0], line) || (grave && !row.querySelector(".f,.e,.k,.w"));
      shown += row.hidden ? 0 : 1;
    }
    while (rules.cssRules.length > fixed) rules.deleteRule(fixed);
    const away = columns.filter((cell) => !has(cell, column)).map((cell) => `.matrix tr>:nth-child(${cell.cellIndex + 1})`);
    if (away.length) rules.insertRule(`${away.join(",")}{display:none}`, fixed);
    one("filtered").textContent = `${shown} / ${lines.length}`;
  };
  document.querySelector(".filters").hidden = false;
  all(".filters input").forEach((field) => field.addEventListener("input", filter));

  const outcomes = { p: "pass", f: "fail", e: "error", k: "notchecked", w: "waived", n: "notapplicable" };
  const read = (cell) => {
    const outcome = outcomes[cell.className];
    const said = outcome ? shownText(one(`l-${outcome}`)) : "";
    const names = [cell.parentElement.cells[0], columns[cell.cellIndex - 1]].map(shownText);
    one("readout").textContent = outcome ? `${names.join(" · ")} — ${said}` : "\u00a0";
    cell.setAttribute("aria-label", one("readout").textContent);
  };
  const cellOf = (event) => event.target.closest(".matrix tbody td");
  ["mouseover", "focusin"].forEach((kind) =>
    table.addEventListener(kind, (event) => cellOf(event) && read(cellOf(event))));
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const seen = (element) => element && element.offsetParent;
  table.parentElement.addEventListener("keydown", (event) => {
    const move = step[event.key];
    if (!move) return;
    const from = cellOf(event);
    let row = from ? lines.indexOf(from.parentElement) + move[0] : lines.findIndex(seen);
    while (lines[row] && !seen(lines[row])) row += move[0];
    let column = from ? from.cellIndex + move[1] : 1;
    while (move[1] && column > 0 && columns[column - 1] && !seen(columns[column - 1])) column += move[1];
    const to = column > 0 && lines[row] && lines[row].cells[column];
    if (!to) return;
    event.preventDefault();
    const goal = to.firstElementChild || to;
    if (goal === to) to.tabIndex = -1;
    goal.focus();
  });

  const map = one("city-map");
  const arrows = all(".arrow", map);
  const nodes = all(".node", map);
  const tell = (id) => {
    const row = one(id);
    if (!row) return;
    const heads = [...row.closest("table").tHead.rows[0].cells];
    const list = document.createElement("dl");
    list.className = "facts";
    [...row.cells].forEach((cell, index) => {
      if (!cell.textContent.trim()) return;
      const pair = list.appendChild(document.createElement("div"));
      for (const [tag, from] of [["dt", heads[index]], ["dd", cell]]) {
        const part = pair.appendChild(document.createElement(tag));
        part.append(...[...from.childNodes].map((node) => node.cloneNode(true)));
      }
    });
    one("map-readout").replaceChildren(list);
  };
  const light = (chosen) => {
    const names = new Set();
    arrows.forEach((arrow) => {
      const ends = arrow.dataset.ends.split(" ");
      const on = chosen(arrow, ends);
      arrow.classList.toggle("on", on);
      if (on) ends.forEach((name) => names.add(name));
    });
    nodes.forEach((node) => node.classList.toggle("on", names.has(node.dataset.node)));
    map.classList.toggle("lit", names.size > 0);
  };
  const point = (event) => {
    const flow = event.target.closest(".flow");
    const node = event.target.closest(".node");
    if (flow) {
      light((arrow) => flow.contains(arrow));
      tell(`flow-${flow.dataset.flow}`);
    } else if (node) {
      light((arrow, ends) => ends.includes(node.dataset.node));
      tell(`machine-${node.dataset.node}`);
    } else light(() => false);
  };
  ["mouseover", "focusin"].forEach((kind) => map.addEventListener(kind, point));
  map.addEventListener("mouseleave", () => light(() => false));
})();
