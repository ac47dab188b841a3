// The live parts of a page: the SQL box, and fields that lead to the page of any gene.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const one = (selector) => document.querySelector(selector);

  // A gene without a page in the report has one on demand.
  const jump = one("form.jump:not([action])");
  if (jump) {
    jump.addEventListener("submit", (event) => {
      const asked = jump.querySelector("input").value.trim();
      const known = [...jump.querySelectorAll("option")].some((o) => o.value.toUpperCase() === asked.toUpperCase());
      if (!asked || known) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      location.assign("/gene?name=" + encodeURIComponent(asked));
    }, { capture: true });
  }

  const form = one("#ask");
  if (!form) return;
  const query = one("#query"), state = one("#state"), fault = one("#fault"), box = one("#answer");
  const run = one("#run"), cancel = one("#cancel"), download = one("#download");
  let under_way = null, asked = "";

  const cell = (tag, text, kind) => {
    const made = document.createElement(tag);
    made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  const shown = (value) => {
    if (value === null) return "·";
    if (typeof value === "number" && !Number.isInteger(value)) return String(Number(value.toPrecision(6)));
    return typeof value === "object" ? JSON.stringify(value) : String(value);
  };
  const isNumber = (type) => /^(U?Int|Float|Decimal)/.test(type);

  const show = (document_) => {
    const columns = document_.columns, head = document.createElement("tr");
    for (const column of columns) {
      const heading = cell("th", column.name, isNumber(column.type) ? "n" : "");
      heading.scope = "col";
      heading.title = column.type;
      head.append(heading);
    }
    const rows = document_.rows.map((row) => {
      const line = document.createElement("tr");
      row.forEach((value, at) => line.append(cell("td", shown(value), isNumber(columns[at].type) ? "n" : "")));
      return line;
    });
    one("#answer thead").replaceChildren(head);
    one("#answer tbody").replaceChildren(...rows);
    const count = document_.row_count.toLocaleString("en") + (document_.row_count === 1 ? " row" : " rows");
    one("#told").textContent = document_.is_cut ? `The first ${count}; there are more` : count;
    one("#release").textContent = document_.release;
    state.textContent = `${document_.seconds.toFixed(3)} s`;
    box.hidden = false;
    download.disabled = false;
  };
  const complain = (error) => {
    const place = error.place ? `${error.place}: ` : "";
    const expected = error.expected ? ` (expected ${error.expected})` : "";
    fault.textContent = `${place}${error.problem}${expected}. ${error.remedy}`;
    fault.hidden = false;
    box.hidden = true;
    state.textContent = "";
  };
  const ask = (body, signal) => fetch("/api/sql", {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal,
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (under_way) return;
    under_way = new AbortController();
    asked = query.value;
    fault.hidden = true;
    run.disabled = true;
    cancel.disabled = false;
    download.disabled = true;
    state.textContent = "running …";
    try {
      const reply = await ask({ sql: asked, limit: Number(form.dataset.shown) }, under_way.signal);
      const found = await reply.json();
      if (reply.ok) show(found);
      else complain(found.error);
    } catch (error) {
      if (error.name === "AbortError") state.textContent = "cancelled";
      else complain({ problem: "the server does not answer", remedy: "Look whether it runs." });
    }
    under_way = null;
    run.disabled = false;
    cancel.disabled = true;
  });
  cancel.addEventListener("click", () => under_way && under_way.abort());
  query.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  one("#examples").addEventListener("change", (event) => {
    if (event.target.value) query.value = event.target.value;
    event.target.value = "";
    query.focus();
  });
  download.addEventListener("click", async () => {
    const reply = await ask({ sql: asked, format: "csv", limit: Number(form.dataset.rows) });
    if (!reply.ok) return complain((await reply.json()).error);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await reply.blob());
    link.download = "answer.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });

  const tables = one("#tables"), narrow = one("#narrow");
  let known = [];
  const list = () => {
    const word = narrow.value.trim().toLowerCase();
    const found = known.filter((t) => !word || `${t.table} ${t.grain || ""}`.toLowerCase().includes(word));
    tables.replaceChildren(...found.map((t) => {
      const entry = document.createElement("details"), summary = document.createElement("summary");
      summary.append(cell("code", t.table), ` ${Number(t.rows || 0).toLocaleString("en")} rows · ${t.grain || ""}`);
      const columns = document.createElement("dl");
      for (const column of t.columns) {
        columns.append(cell("dt", `${column.name} · ${[column.type, column.unit].filter(Boolean).join(" · ")}`));
        columns.append(cell("dd", column.description || ""));
      }
      entry.append(summary, columns);
      return entry;
    }));
    if (!found.length) tables.textContent = "none";
  };
  narrow.addEventListener("input", list);
  fetch("/api/tables").then((reply) => reply.json()).then((found) => { known = found.tables || []; list(); });
});
