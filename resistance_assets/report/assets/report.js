/* Tables that sort and filter, figures drawn from the columns that the page carries. No network, no storage. */
"use strict";
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  let printing = false;

  // ---- tables ------------------------------------------------------------------------------------------------------
  const keyOf = (row, at) => {
    const cell = row.cells[at];
    const value = cell.dataset.v;
    return value === undefined ? cell.textContent.trim() : Number(value);
  };
  const compare = (a, b) => {
    const gone = (v) => v === "" || v === "·" || Number.isNaN(v);
    if (gone(a) || gone(b)) return null;
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  };

  const quote = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const saveCsv = (name, rows) => {
    const text = rows.map((row) => `${row.map(quote).join(",")}\n`).join("");
    const anchor = document.createElement("a");
    anchor.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    anchor.download = `${name}.csv`;
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(anchor.href), 10000);
  };

  const unpack = async (packed) => {
    const bytes = Uint8Array.from(atob(packed), (one) => one.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };

  for (const box of document.querySelectorAll("div.table")) {
    const body = box.querySelector("tbody");
    const heads = [...box.querySelectorAll("thead th")];
    for (const head of heads) {
      head.querySelector("button").addEventListener("click", () => {
        const at = heads.indexOf(head);
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].map((row) => [keyOf(row, at), row]);
        rows.sort(([a, rowA], [b, rowB]) => {
          const found = compare(a, b);
          if (found !== null) return down ? -found : found;
          // What is not there goes last, whichever way the rest is sorted.
          const last = (v) => (v === "" || v === "·" || Number.isNaN(v) ? 1 : 0);
          return last(a) - last(b) || rowA.rowIndex - rowB.rowIndex;
        });
        body.append(...rows.map(([, row]) => row));
      });
    }
    const search = box.querySelector("input[type=search]");
    const selects = [...box.querySelectorAll("select")];
    const count = box.querySelector("output");
    const words = () => (search ? search.value.toLowerCase().split(/\s+/).filter(Boolean) : []);
    const passes = (text, valueAt) =>
      words().every((word) => text.includes(word)) && selects.every((one) => !one.value || valueAt(one.dataset.c) === one.value);
    const apply = () => {
      let shown = 0;
      for (const row of body.rows) {
        const keep = passes(row.textContent.toLowerCase(), (at) => row.cells[at].textContent.trim());
        row.hidden = !keep;
        shown += keep;
      }
      const all = body.rows.length.toLocaleString("en");
      count.textContent = shown === body.rows.length ? `${all} rows` : `${shown.toLocaleString("en")} of ${all} rows`;
    };
    if (search) search.addEventListener("input", apply);
    selects.forEach((one) => one.addEventListener("change", apply));
    const button = box.querySelector("button.csv");
    if (!button) continue;
    // Every row that passes the filter, beyond those that the page shows; numbers and lists in full.
    button.addEventListener("click", async () => {
      const name = box.querySelector("caption").textContent.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 60);
      const packed = box.querySelector("script.whole");
      if (packed) {
        const whole = JSON.parse(packed.dataset.encoding ? await unpack(packed.textContent) : packed.textContent);
        const kept = whole.rows.filter((row) => passes(row.join(" ").toLowerCase(), (at) => String(row[at])));
        saveCsv(name, [whole.head, ...kept]);
        return;
      }
      const shown = [...body.rows].filter((row) => !row.hidden);
      // Titles on the page, and the ids behind them in columns of their own at the end.
      const titled = heads.map((_, at) => at).filter((at) => shown.some((row) => row.cells[at].dataset.id));
      const cells = (row) => [
        ...[...row.cells].map((cell) => cell.dataset.v ?? cell.textContent.trim().replace(/^·$/, "")),
        ...titled.map((at) => row.cells[at].dataset.id ?? row.cells[at].textContent.trim()),
      ];
      const names = heads.map((head) => head.textContent.trim());
      saveCsv(name, [[...names, ...titled.map((at) => `${names[at]} id`)], ...shown.map(cells)]);
    });
  }

  // ---- a gene's page -------------------------------------------------------------------------------------------------
  const jump = document.querySelector("form.jump");
  if (jump) {
    jump.addEventListener("submit", (event) => {
      event.preventDefault();
      const asked = jump.querySelector("input").value.trim().toUpperCase();
      const found = [...jump.querySelectorAll("option")].find((one) => one.value.toUpperCase() === asked);
      if (found) window.location.href = found.dataset.href;
      else jump.querySelector("output").textContent = asked ? `${asked} has no page; try: resistance explain ${asked}` : "";
    });
  }

  // ---- figures -------------------------------------------------------------------------------------------------------
  const colour = (name) => {
    const [role, alpha] = name.split("/");
    const value = getComputedStyle(document.documentElement).getPropertyValue(`--${role}`).trim();
    if (!alpha) return value;
    const parts = [1, 3, 5].map((at) => parseInt(value.slice(at, at + 2), 16));
    return `rgba(${parts.join(",")},${alpha})`;
  };
  const resolve = (value, column) => {
    if (typeof value === "string") {
      if (value[0] === "$") return column(value.slice(1));
      if (value[0] === "@") return colour(value.slice(1));
      return value;
    }
    if (Array.isArray(value)) return value.map((one) => resolve(one, column));
    if (value && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, resolve(one, column)]));
    return value;
  };
  const hasWebgl = (() => {
    try {
      return Boolean(document.createElement("canvas").getContext("webgl"));
    } catch {
      return false;
    }
  })();

  class Drawing {
    constructor(figure) {
      this.figure = figure;
      this.plot = figure.querySelector(".plot");
      this.ready = this.load();
      this.selects = [...figure.querySelectorAll("select[data-column]")];
      this.found = null;
      this.selects.forEach((one) => one.addEventListener("change", () => this.draw()));
      figure.querySelector("button.csv").addEventListener("click", () => this.ready.then(() => this.save()));
      for (const button of figure.querySelectorAll("button.image"))
        button.addEventListener("click", () => this.ready.then(() => this.saveImage(button.dataset.format)));
      const find = figure.querySelector("input.find");
      if (find) find.addEventListener("input", () => this.ready.then(() => this.find(find.value.trim().toUpperCase())));
    }

    async load() {
      const element = this.figure.querySelector("script.data");
      this.data = JSON.parse(element.dataset.encoding ? await unpack(element.textContent) : element.textContent);
      if (this.data.shares) {
        const other = drawings.find((one) => one.figure.id === this.data.shares);
        await other.ready;
        this.data.columns = other.data.columns;
      }
      const columns = this.data.columns;
      this.drawnColumns = { ...columns };
      for (const [name, of] of Object.entries(this.data.derived))
        this.drawnColumns[name] = columns[of].map((p) => (p === null ? null : -Math.log10(Math.max(p, 1e-300))));
    }

    rows(where) {
      const columns = this.data.columns;
      const wanted = [...(where || []), ...this.selects.map((one) => [one.dataset.column, one.value])];
      const length = Object.values(columns)[0]?.length ?? 0;
      const kept = [];
      for (let at = 0; at < length; at += 1)
        if (wanted.every(([name, value]) => String(columns[name][at]) === String(value))) kept.push(at);
      return kept;
    }

    traces() {
      const traces = this.data.traces.map(({ where, ...trace }) => {
        const kept = this.rows(where);
        const drawn = resolve(trace, (name) => kept.map((at) => this.drawnColumns[name][at]));
        if (drawn.type === "scattergl" && !hasWebgl) drawn.type = "scatter";
        return drawn;
      });
      if (this.found !== null) {
        const [x, y] = this.data.find.at.map((name) => this.drawnColumns[name][this.found]);
        const gene = this.data.columns[this.data.find.by][this.found];
        traces.push({
          type: "scatter", x: [x], y: [y], text: [gene], mode: "markers+text", textposition: "top center",
          textfont: { color: colour("marked"), size: 14 }, showlegend: false, hoverinfo: "skip",
          marker: { size: 15, symbol: "circle-open", color: colour("marked"), line: { width: 3 } },
        });
      }
      return traces;
    }

    isNarrow() {
      return this.plot.clientWidth < 560;
    }

    layout() {
      const line = { gridcolor: colour("grid"), zerolinecolor: colour("muted"), linecolor: colour("muted"), automargin: true };
      const layout = resolve(this.data.layout, () => []);
      for (const name of Object.keys(layout)) if (/^[xy]axis/.test(name)) layout[name] = { ...line, ...layout[name] };
      const narrow = this.isNarrow();
      // On a phone the names of rows stand above their marks instead of taking half of the width.
      if (narrow && layout.yaxis?.type === "category") {
        const rows = [...new Set(this.traces().flatMap((trace) => trace.y))];
        Object.assign(layout.yaxis, { showticklabels: false, range: [-0.5, rows.length + 0.1] });
        layout.annotations = rows.map((row) => ({
          text: row, y: row, yref: "y", xref: "paper", x: 0, xanchor: "left", yanchor: "bottom", yshift: 5, showarrow: false,
        }));
      }
      return {
        paper_bgcolor: colour("ground"), plot_bgcolor: colour("ground"), font: { color: colour("text"), size: narrow ? 11 : 13 },
        margin: { l: 60, r: 15, t: 34, b: 50 }, hovermode: "closest", dragmode: narrow ? false : "zoom",
        legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
        hoverlabel: { bgcolor: colour("ground"), font: { color: colour("text") } },
        transition: { duration: still.matches ? 0 : undefined },
        ...layout,
      };
    }

    async draw() {
      await this.ready;
      const config = { responsive: true, displaylogo: false, displayModeBar: !this.isNarrow(), scrollZoom: false, modeBarButtonsToRemove: ["lasso2d", "select2d"] };
      return Plotly.react(this.plot, this.traces(), this.layout(), config).then(() => {
        this.plot.dataset.drawn = "yes";
        // What the drawing shows is told by the label of the plot; letters on axes alone would be read as noise.
        this.plot.querySelectorAll("svg.main-svg, canvas").forEach((part) => part.setAttribute("aria-hidden", "true"));
        for (const button of this.plot.querySelectorAll(".modebar-btn")) {
          button.setAttribute("aria-label", button.dataset.title || "tool");
        }
      });
    }

    // The drawing as it is now, with title, caption, n and method below it; four dots per pixel in a PNG.
    async saveImage(format) {
      const said = [...this.figure.querySelectorAll("details dd")].slice(0, 2).map((one) => one.textContent.trim());
      const words = [this.figure.querySelector("figcaption").textContent.trim(), `n: ${said[0]}.`, `Method: ${said[1]}.`].join(" ").split(/\s+/);
      const width = Math.max(this.plot.clientWidth, 480);
      const lines = [""];
      for (const word of words) {
        if (lines.at(-1).length + word.length > width / 6.4) lines.push("");
        lines.push(`${lines.pop()} ${word}`.trim());
      }
      const escaped = lines.map((line) => line.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;"));
      const room = 15 * lines.length + 12;
      const layout = this.layout();
      const note = {
        text: escaped.join("<br>"), showarrow: false, align: "left", xref: "paper", yref: "paper", x: 0, y: 0, xanchor: "left",
        yanchor: "top", yshift: -layout.margin.b - 4, font: { size: 11 },
      };
      layout.annotations = [...(layout.annotations || []), note];
      layout.margin = { ...layout.margin, b: layout.margin.b + room };
      const height = this.plot.clientHeight + room;
      const drawing = { data: this.traces(), layout: { ...layout, width, height } };
      const anchor = document.createElement("a");
      anchor.href = await Plotly.toImage(drawing, { format, width, height, scale: format === "png" ? 4 : 1 });
      anchor.download = `${this.figure.id}.${format}`;
      anchor.click();
    }

    find(asked) {
      const columns = this.data.columns;
      const output = this.figure.querySelector("output.found");
      const at = asked ? columns[this.data.find.by].findIndex((gene) => gene.toUpperCase() === asked) : -1;
      const before = this.found;
      this.found = at < 0 ? null : at;
      if (at >= 0) {
        const said = Object.entries(columns).map(([name, values]) => `${name} ${values[at] ?? "not there"}`);
        output.textContent = said.join(", ");
      } else output.textContent = asked.length > 1 ? "no such gene in this figure" : "";
      if (this.found !== before) this.draw();
    }

    save() {
      const columns = this.data.columns;
      const names = Object.keys(columns);
      const rows = [names];
      for (let at = 0; at < (columns[names[0]]?.length ?? 0); at += 1) rows.push(names.map((name) => columns[name][at]));
      saveCsv(this.figure.id, rows);
    }
  }

  // ---- figures that are SVG in the page ------------------------------------------------------------------------------
  const SHOWN = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "font-size", "font-weight", "text-decoration"];
  const saveDrawn = async (figure, format) => {
    const drawing = figure.querySelector(".wide svg");
    const copy = drawing.cloneNode(true);
    // The style sheet does not go with the file, so every part takes its colours along.
    const parts = [...drawing.querySelectorAll("*")];
    [...copy.querySelectorAll("*")].forEach((part, at) => {
      const style = getComputedStyle(parts[at]);
      for (const name of SHOWN) part.style.setProperty(name, style.getPropertyValue(name));
      if (part.getAttribute("fill")?.startsWith("url(")) part.style.setProperty("fill", part.getAttribute("fill"));
    });
    const said = [...figure.querySelectorAll("details dd")].slice(0, 2).map((one) => one.textContent.trim());
    const words = [figure.querySelector("figcaption").textContent.trim(), `n: ${said[0]}.`, `Method: ${said[1]}.`].join(" ").split(/\s+/);
    const width = Math.max(drawing.clientWidth, drawing.width.baseVal.value, 480);
    const height = drawing.height.baseVal.value;
    const lines = [""];
    for (const word of words) {
      if (lines.at(-1).length + word.length > width / 6.4) lines.push("");
      lines.push(`${lines.pop()} ${word}`.trim());
    }
    const all = height + 15 * lines.length + 14;
    copy.setAttribute("width", width);
    copy.setAttribute("height", all);
    copy.setAttribute("viewBox", `0 0 ${width} ${all}`);
    copy.setAttribute("font-family", "Helvetica, Arial, sans-serif");
    const make = (name, facts) => {
      const made = document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const [key, value] of Object.entries(facts)) made.setAttribute(key, value);
      return made;
    };
    copy.prepend(make("rect", { width, height: all, style: `fill:${colour("ground")}` }));
    lines.forEach((line, at) => {
      const text = make("text", { x: 4, y: height + 16 + 15 * at, "font-size": 11, style: `fill:${colour("text")}` });
      text.textContent = line;
      copy.append(text);
    });
    const source = new XMLSerializer().serializeToString(copy);
    const url = URL.createObjectURL(new Blob([source], { type: "image/svg+xml" }));
    const anchor = document.createElement("a");
    anchor.download = `${figure.id}.${format}`;
    anchor.href = url;
    if (format === "png") {
      const image = new Image();
      image.src = url;
      await image.decode();
      const canvas = Object.assign(document.createElement("canvas"), { width: 4 * width, height: 4 * all });
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      anchor.href = canvas.toDataURL("image/png");
    }
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  };
  for (const figure of document.querySelectorAll("main figure.drawn")) {
    figure.querySelector("button.csv").addEventListener("click", async () => {
      const element = figure.querySelector("script.data");
      const { columns } = JSON.parse(element.dataset.encoding ? await unpack(element.textContent) : element.textContent);
      const names = Object.keys(columns);
      saveCsv(figure.id, [names, ...columns[names[0]].map((_, at) => names.map((name) => columns[name][at]))]);
    });
    for (const button of figure.querySelectorAll("button.image"))
      button.addEventListener("click", () => saveDrawn(figure, button.dataset.format));
  }

  const drawings = [];
  for (const figure of document.querySelectorAll("main figure:not(.drawn)")) drawings.push(new Drawing(figure));
  const drawn = new Set();
  const start = (drawing) => {
    if (drawn.has(drawing)) return;
    drawn.add(drawing);
    drawing.draw();
  };
  const near = new IntersectionObserver(
    (entries) => entries.filter((one) => one.isIntersecting).forEach((one) => start(drawings.find((d) => d.figure === one.target))),
    { rootMargin: "300px" },
  );
  drawings.forEach((drawing) => near.observe(drawing.figure));
  const again = () => drawn.forEach((drawing) => drawing.draw());
  dark.addEventListener("change", again);
  window.matchMedia("(max-width: 620px)").addEventListener("change", again);
  window.addEventListener("beforeprint", () => {
    printing = true;
    document.documentElement.classList.add("printing");
    drawings.forEach(start);
    again();
  });
  window.addEventListener("afterprint", () => {
    if (!printing) return;
    printing = false;
    document.documentElement.classList.remove("printing");
    again();
  });
})();
