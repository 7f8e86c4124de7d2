"use strict";
// The charts of report.html. Values come transformed to uPlot: its axes are linear, and
// logarithms are taken here, so that nothing depends on how it treats zeros.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const endless = 1e98; // what is above it is infinite
  const most = 0.01; // the share of requests not served up to which a level counts as served
  const perNine = 12;
  const percentiles = ["p50", "p90", "p99", "p99.9"];
  const dashes = [[], [7, 3], [2, 3], [9, 3, 2, 3]];

  const el = (tag, props, ...children) => {
    const e = Object.assign(document.createElement(tag), props);
    e.append(...children.filter((c) => c != null));
    return e;
  };
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const dark = matchMedia("screen and (prefers-color-scheme: dark)");
  const mix = (hex, to, t) => "#" + [1, 3, 5].map((i) => {
    const v = parseInt(hex.slice(i, i + 2), 16);
    return Math.round(v + t * (to - v)).toString(16).padStart(2, "0");
  }).join("");
  const hueOf = (s) => (dark.matches ? mix(s.hue, 255, 0.4) : s.hue);

  // Numbers as text, to three digits as everywhere in onhold.
  const number = (v) => (v >= 100 ? Math.round(v).toLocaleString("en-US") : String(+v.toPrecision(3)));
  const time = (v) => {
    if (v == null) return "–";
    if (v > endless) return "∞";
    for (const [size, unit] of [[1e3, "s"], [1, "ms"], [1e-3, "µs"]]) {
      if (+(v / size).toPrecision(3) >= 1) return number(v / size) + " " + unit;
    }
    return number(v * 1e6) + " ns";
  };
  const percent = (v) => {
    const p = 100 * v;
    return (p > 0 && p < 0.1 ? p.toFixed(2) : p > 0 && p < 10 || p > 99 && p < 100 ? p.toFixed(1) : p.toFixed(0)) + " %";
  };
  const parseTime = (text) => {
    const m = /^\s*([\d.]+)\s*(ns|us|µs|ms|s)?\s*$/.exec(text);
    const v = m ? m[1] * { ns: 1e-6, us: 1e-3, "µs": 1e-3, ms: 1, s: 1e3 }[m[2] || "ms"] : NaN;
    return v > 0 && v < endless ? v : null;
  };

  // Scales: where a value lies, and where ticks are.
  const logScale = { to: (v) => (v > 0 ? (v > endless ? Infinity : Math.log10(v)) : null), from: (v) => 10 ** v };
  const linear = { to: (v) => v, from: (v) => v };
  const logTicks = (lo, hi) => {
    for (const steps of [[1], [1, 2, 5], [1, 1.5, 2, 3, 5, 7], [1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9]]) {
      const at = [];
      for (let e = Math.floor(lo); e <= hi; e++) {
        for (const s of steps) {
          const v = e + Math.log10(s);
          if (v >= lo && v <= hi) at.push(v);
        }
      }
      if (at.length >= 3) return at;
    }
    return [lo, hi];
  };
  const linearTicks = (lo, hi) => {
    const size = 10 ** Math.floor(Math.log10((hi - lo) / 4));
    const step = [1, 2, 5, 10].map((s) => s * size).find((s) => (hi - lo) / s <= 5);
    const at = [];
    for (let v = Math.ceil(lo / step) * step; v <= hi * (1 + 1e-9); v += step) at.push(v);
    return at;
  };
  const limits = (lines, scale, room) => {
    const v = lines.flatMap((l) => l.y).map(scale.to).filter((y) => y != null && isFinite(y));
    if (v.length === 0) return null;
    let lo = scale === linear ? 0 : Math.min(...v), hi = Math.max(...v);
    if (scale === linear) return [0, hi > 0 ? hi * 1.06 : 1];
    const more = Math.max(0, room - (hi - lo)) / 2 + 0.03;
    return [lo - more, hi + more];
  };

  const outline = [
    (c, x, y, r) => c.arc(x, y, r, 0, 2 * Math.PI),
    (c, x, y, r) => c.rect(x - r * 0.9, y - r * 0.9, 1.8 * r, 1.8 * r),
    (c, x, y, r) => { c.moveTo(x, y - 1.3 * r); c.lineTo(x + 1.3 * r, y); c.lineTo(x, y + 1.3 * r); c.lineTo(x - 1.3 * r, y); c.closePath(); },
    (c, x, y, r) => { c.moveTo(x, y - 1.2 * r); c.lineTo(x + 1.15 * r, y + 0.9 * r); c.lineTo(x - 1.15 * r, y + 0.9 * r); c.closePath(); },
  ];

  // What stays legible of labels that want to be at given heights.
  const spread = (labels, gap, lo, hi) => {
    labels.sort((a, b) => a.y - b.y);
    labels.forEach((l, i) => { l.at = Math.max(l.y, i ? labels[i - 1].at + gap : lo); });
    for (let i = labels.length - 1, end = hi; i >= 0; i--) {
      labels[i].at = Math.min(labels[i].at, end);
      end = labels[i].at - gap;
    }
    return labels;
  };

  // chart draws lines over one x axis: {x, y, hue, dash, width, shape, hollow, thin, label}.
  const chart = (box, o) => {
    const xs = [...new Set(o.lines.flatMap((l) => l.x))].sort((a, b) => a - b);
    const [lo, hi] = o.limits;
    const rows = o.lines.map((l) => {
      const at = new Map(l.x.map((x, i) => [x, l.y[i]]));
      return xs.map((x) => {
        const v = at.has(x) ? o.scale.to(at.get(x)) : undefined;
        return v === Infinity ? hi + (hi - lo) : v; // leaves through the top; undefined: no value here, null: a gap
      });
    });
    const labelled = o.lines.some((l) => l.label);
    const tick = { stroke: color("--line"), width: 1 };
    const font = "12px system-ui, sans-serif";
    const draw = (u) => {
      const c = u.ctx, px = devicePixelRatio || 1;
      const ends = [];
      c.save();
      c.setLineDash([]);
      o.lines.forEach((l) => {
        let end = null;
        l.x.forEach((x, i) => {
          const v = o.scale.to(l.y[i]);
          if (v == null) return;
          const top = v === Infinity || v > hi, at = { x: u.valToPos(x, "x", true), y: top ? u.bbox.top : u.valToPos(v, "y", true) };
          if (v >= lo) end = at;
          if (l.shape == null || v < lo) return;
          c.beginPath();
          if (top) {
            outline[3](c, at.x, at.y + 5 * px, 4 * px);
          } else {
            outline[l.shape](c, at.x, at.y, (l.thin && l.thin[i] ? 2.4 : 4) * px);
          }
          c.fillStyle = l.hollow && l.hollow[i] ? color("--paper") : l.hue;
          c.strokeStyle = l.hue;
          c.lineWidth = 1.6 * px;
          c.fill();
          c.stroke();
        });
        if (l.label && end) ends.push({ ...end, text: l.label, hue: l.hue });
      });
      c.font = `${12 * px}px system-ui, sans-serif`;
      c.textBaseline = "middle";
      c.textAlign = "left";
      for (const e of spread(ends, 14 * px, u.bbox.top + 6 * px, u.bbox.top + u.bbox.height - 6 * px)) {
        c.fillStyle = e.hue;
        c.fillText(e.text, u.bbox.left + u.bbox.width + 6 * px, e.at);
      }
      c.restore();
    };
    const stops = o.stops || xs;
    const nearest = (x) => stops.reduce((best, s, i) => (Math.abs(s - x) < Math.abs(stops[best] - x) ? i : best), 0);
    const u = new uPlot({
      width: Math.max(240, box.clientWidth), height: o.height, legend: { show: false }, padding: [10, labelled ? 64 : 14, 0, 0],
      cursor: {
        y: false, drag: { x: false, y: false }, points: { show: false },
        move: (u, left, top) => (left < 0 ? [left, top] : [u.valToPos(stops[nearest(u.posToVal(left, "x"))], "x"), top]),
      },
      scales: { x: { time: false, range: o.xLimits }, y: { range: [lo, hi] } },
      axes: [
        { stroke: color("--soft"), grid: { show: !!o.xGrid, ...tick }, ticks: tick, font, size: 34, splits: (u) => o.xTicks(u.width - 80), values: (u, at) => at.map(o.xText) },
        { stroke: color("--soft"), grid: tick, ticks: { show: false }, font, size: 62, splits: () => o.yTicks(lo, hi), values: (u, at) => at.map((v) => o.yText(o.scale.from(v))) },
      ],
      series: [{}, ...o.lines.map((l) => ({ stroke: l.hue, width: l.width || 2, dash: l.dash, points: { show: false } }))],
      hooks: {
        draw: [draw],
        setCursor: [(u) => { if (u.cursor.left >= 0 && o.moved) o.moved(u, nearest(u.posToVal(u.cursor.left, "x"))); }],
      },
    }, [xs, ...rows], box);
    u.stops = stops;
    return u;
  };

  // section holds charts that share a crosshair, moved by the mouse and by arrow keys.
  const section = (host, label) => {
    const charts = [], read = el("p", { className: "read", id: host.dataset.chart + "-read-" + host.children.length });
    const area = el("div", { tabIndex: 0 });
    area.setAttribute("role", "group");
    area.setAttribute("aria-label", label + ". Arrow keys move the crosshair.");
    let at = -1, busy = false;
    const say = (text, loud) => {
      read.textContent = text;
      if (loud) document.getElementById("say").textContent = text;
    };
    const move = (i, words, loud) => {
      at = i;
      busy = true;
      for (const u of charts) u.setCursor({ left: u.valToPos(u.stops[i], "x"), top: 0 });
      busy = false;
      say(words(i), loud);
    };
    return {
      area, read,
      begin() { while (charts.length) charts.pop().destroy(); area.textContent = ""; },
      panel(name, height, o) {
        const box = el("div", { className: "panel" }, el("b", { textContent: name }));
        area.append(box);
        const u = chart(box, { ...o, height, moved: (u, i) => { if (!busy && i !== at) move(i, o.words); } });
        u.root.setAttribute("aria-hidden", "true");
        charts.push(u);
        area.onkeydown = (e) => {
          const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
          if (!step || e.target !== area) return;
          e.preventDefault();
          move(Math.min(u.stops.length - 1, Math.max(0, at < 0 ? 0 : at + step)), o.words, true);
        };
        return u;
      },
      resize() { for (const u of charts) u.setSize({ width: Math.max(240, area.clientWidth), height: u.height }); },
    };
  };

  const swatch = (s) => {
    const svg = `<svg viewBox="0 0 34 12" aria-hidden="true"><path d="M1 6H33" fill="none" stroke="currentColor" stroke-width="2" stroke-dasharray="${dashes[s.look % 4].join(" ")}"/>` +
      ['<circle cx="17" cy="6" r="4"/>', '<rect x="13.4" y="2.4" width="7.2" height="7.2"/>', '<path d="M17 .8L22.2 6L17 11.2L11.8 6Z"/>', '<path d="M17 1L21.6 10H12.4Z"/>'][s.look % 4].replace("/>", ` fill="currentColor"/>`) + "</svg>";
    const key = el("span", { className: "key" });
    key.innerHTML = svg; // no text from outside is in it
    key.style.setProperty("--light", s.hue);
    key.style.setProperty("--dark", mix(s.hue, 255, 0.4));
    return key;
  };
  const check = (text, checked, change, before) => {
    const box = el("input", { type: "checkbox", checked });
    box.onchange = () => change(box.checked);
    return el("label", {}, box, before, " " + text);
  };
  const choice = (legend, name, values, chosen, change, off) => {
    const set = el("fieldset", {}, el("legend", { textContent: legend }));
    for (const v of values) {
      const input = el("input", { type: "radio", name, value: v, checked: v === chosen, disabled: off(v) });
      input.onchange = () => change(v);
      set.append(el("label", {}, input, " " + v));
    }
    return set;
  };
  const fitting = (at, text) => (width) => {
    const lo = at[0], span = at[at.length - 1] - lo || 1, kept = [];
    const place = (v) => ((v - lo) / span) * width;
    const half = (v) => text(v).length * 3.6 + 5;
    for (const v of [at[at.length - 1], lo, ...at.slice(1, -1).reverse()]) {
      if (kept.every((k) => Math.abs(place(k) - place(v)) >= half(k) + half(v) || k === v)) kept.push(v);
    }
    return [...new Set(kept)].sort((a, b) => a - b);
  };

  const redraws = [];

  // Capacity: latency, what was not served and goodput over the levels.
  const capacity = (host, g, n) => {
    const x = g.log ? logScale : linear;
    const state = { q: null, adjusted: false, theory: true, demand: null, hidden: new Set() };
    const levels = [...new Set(g.sweeps.flatMap((s) => s.levels))].sort((a, b) => a - b);
    // A percentile can be chosen where ten samples lie beyond it at some level.
    const has = (q) => g.sweeps.some((s) => s.metrics[q].some((v, i) => v != null && !s.thin[q][i]));
    state.q = [...percentiles].reverse().find((q) => q !== "p99.9" && has(q)) || "p50";
    if (data.ask && percentiles.includes(data.ask.q) && has(data.ask.q)) {
      Object.assign(state, { q: data.ask.q, adjusted: data.ask.adjusted, demand: data.ask.most });
    }
    const part = section(host, "Charts of latency, of requests not served, and of goodput");
    const answer = el("p", { className: "answer" });
    answer.setAttribute("aria-live", "polite");
    const input = el("input", { type: "text", inputMode: "decimal" });
    input.onchange = () => { const v = parseTime(input.value); if (v) state.demand = v; draw(); };
    const metric = (s, i) => s.metrics[(state.adjusted ? "adjusted-" : "") + state.q][i];
    const unserved = (s, i) => (s.metrics.rejected[i] || 0) + (s.metrics.failed[i] || 0);

    // judge says up to which level the requirement is met.
    const judge = () => {
      const said = g.sweeps.filter((s) => !state.hidden.has(s)).map((s) => {
        let last = -1, first = -1;
        for (let i = 0; i < s.levels.length && first < 0; i++) {
          if (!s.valid[i]) continue;
          const v = metric(s, i);
          if (v > state.demand * 1.0005 || unserved(s, i) > most) first = i;
          else if (v != null) last = i; // without one, there are too few samples to say
        }
        if (last < 0) return `${s.name}: at no level`;
        return `${s.name}: up to ${number(s.levels[last])} ${g.unit}` + (first < 0 ? ", the highest tried" : `, not at ${number(s.levels[first])}`);
      });
      answer.textContent = `${state.q} ≤ ${time(state.demand)}, and at most 1 % not served – ${said.join("; ")}.`;
    };
    const words = (i) => `At ${number(levels[i])} ${g.unit}: ` + g.sweeps.map((s) => {
      const k = s.levels.indexOf(levels[i]);
      if (k < 0 || state.hidden.has(s)) return null;
      return `${s.name} ${state.q} ${time(metric(s, k))}, ${percent(s.metrics.rejected[k] || 0)} rejected, ${percent(s.metrics.failed[k] || 0)} failed, ${number(s.metrics["ok/s"][k] || 0)} ok/s` +
        (s.valid[k] ? "" : " (not valid)");
    }).filter(Boolean).join("; ") + ".";

    const draw = () => {
      part.begin();
      const shown = g.sweeps.filter((s) => !state.hidden.has(s));
      const lines = (of, theory) => [
        ...shown.map((s) => ({
          x: s.levels.map(x.to), y: s.levels.map((_, k) => of(s, k)), hue: hueOf(s), dash: dashes[s.look % 4], shape: s.look % 4,
          hollow: s.valid.map((v) => !v), thin: s.thin[state.q],
        })),
        ...shown.filter((s) => state.theory && s.theory && theory(s.theory)).map((s) => ({
          x: s.theory.levels.map(x.to), y: theory(s.theory), hue: color("--ink"), dash: [3, 3], width: 1,
        })),
      ];
      const first = levels.map(x.to);
      const pad = g.log ? 0.06 * (first[first.length - 1] - first[0]) || 0.3 : 0;
      const axis = {
        xLimits: [g.log ? first[0] - pad : 0, first[first.length - 1] + (g.log ? pad : 0.06 * first[first.length - 1] || 1)],
        xTicks: fitting(first, (v) => number(x.from(v))), xText: (v) => number(x.from(v)), stops: first, words,
      };
      const latency = lines(metric, (t) => (state.adjusted ? null : { p50: t.p50, p99: t.p99 }[state.q]));
      const range = limits(latency, logScale, 0.5) || [1, 3];
      if (state.demand == null) {
        const measured = shown.flatMap((s) => s.levels.map((_, k) => metric(s, k))).filter((v) => v != null && v < endless);
        state.demand = measured.length ? +(1.25 * Math.min(...measured)).toPrecision(2) : 100;
      }
      range[0] = Math.min(range[0], logScale.to(state.demand) - 0.02);
      range[1] = Math.max(range[1], logScale.to(state.demand) + 0.1 * (range[1] - range[0]));
      const u = part.panel(`Latency: ${state.adjusted ? "adjusted " : ""}${state.q}${state.adjusted ? " of all requests" : " of those served"}, log scale`, 300,
        { ...axis, lines: latency, scale: logScale, limits: range, yTicks: logTicks, yText: time });
      part.panel("Not served: share of requests that were rejected or failed", 140,
        { ...axis, lines: lines(unserved, (t) => t.rejected), scale: linear, limits: [0, 1], yTicks: () => [0, 0.25, 0.5, 0.75, 1], yText: percent });
      const goodput = lines((s, k) => s.metrics["ok/s"][k], (t) => t["ok/s"]), y = g.log ? logScale : linear;
      part.panel(`Goodput: ok per second, ${g.log ? "log" : "linear"} scale; over ${g.unit}`, 170,
        { ...axis, lines: goodput, scale: y, limits: limits(goodput, y, 1) || [0, 1], yTicks: g.log ? logTicks : linearTicks, yText: number });
      demand(u, range);
      judge();
    };

    // demand is the line of the requirement: a slider over the chart of latency.
    const demand = (u, [lo, hi]) => {
      const line = el("div", { className: "demand", tabIndex: 0 }, el("span"));
      for (const [k, v] of Object.entries({ role: "slider", "aria-orientation": "vertical", "aria-label": "Requirement: the highest latency", "aria-valuemin": 10 ** lo, "aria-valuemax": 10 ** hi })) line.setAttribute(k, v);
      const set = (v) => {
        state.demand = +Math.min(10 ** hi, Math.max(10 ** lo, v)).toPrecision(3);
        line.style.top = (100 * (hi - logScale.to(state.demand))) / (hi - lo) + "%";
        line.firstChild.textContent = `${state.q} ≤ ${time(state.demand)}`;
        line.setAttribute("aria-valuenow", state.demand);
        line.setAttribute("aria-valuetext", time(state.demand));
        input.value = time(state.demand);
        judge();
      };
      line.onpointerdown = (e) => { e.preventDefault(); e.stopPropagation(); line.focus(); line.setPointerCapture(e.pointerId); };
      line.onmousedown = (e) => e.stopPropagation();
      line.onpointermove = (e) => {
        if (line.hasPointerCapture(e.pointerId)) set(10 ** u.posToVal(e.clientY - u.over.getBoundingClientRect().top, "y"));
      };
      line.onkeydown = (e) => {
        const by = { ArrowUp: 1.02, ArrowDown: 1 / 1.02, PageUp: 1.25, PageDown: 0.8 }[e.key];
        if (by) { e.preventDefault(); set(state.demand * by); }
      };
      u.over.append(line);
      set(state.demand);
    };

    const keys = el("fieldset", {}, el("legend", { textContent: "Targets" }));
    g.sweeps.forEach((s) => keys.append(check(s.name, true, (on) => { state.hidden[on ? "delete" : "add"](s); draw(); }, swatch(s))));
    const hasTheory = g.sweeps.some((s) => s.theory);
    host.append(
      el("div", { className: "bar" },
        choice("Percentile", "q" + n, percentiles, state.q, (q) => { state.q = q; draw(); }, (q) => !has(q)),
        check("failures count as ∞", state.adjusted, (on) => { state.adjusted = on; draw(); }),
        hasTheory ? check("theory (dashes)", true, (on) => { state.theory = on; draw(); }) : null,
        el("label", {}, "Requirement: at most ", input)),
      el("div", { className: "bar" }, keys), answer, part.area, part.read,
      el("p", { className: "small", textContent: "Drag the dashed requirement line, or use its arrow keys. Small marker: fewer than ten samples lie beyond. Hollow: the stage is not valid. An arrow at the top: infinite." }));
    draw();
    redraws.push([draw, part]);
  };

  // Percentiles: the distribution at chosen levels.
  const spectra = (host, g) => {
    const waits = g.sweeps.every((s) => s.wait > 0);
    const state = { uncorrected: false, adjusted: false, beyond: waits, shown: new Set() };
    const all = g.sweeps.flatMap((s) => s.spectra.map((p) => ({ s, p, k: p.at })));
    for (const l of all) if (l.p.shown) state.shown.add(l);
    const latency = (p) => (state.adjusted && p.adjusted) || p.latency;
    const part = section(host, "Chart of the distribution of latency");
    const share = (v) => {
      const text = (100 * (1 - 10 ** -v)).toFixed(Math.max(0, Math.round(v) - 2));
      return text.replace(/\.?0+$/, (z) => (z.startsWith(".") ? "" : z)) + " %";
    };
    const draw = () => {
      part.begin();
      const lines = all.filter((l) => state.shown.has(l)).flatMap((l) => {
        const less = (all) => all.map((v) => (v != null && state.beyond ? v - l.s.wait : v));
        const of = less(latency(l.p));
        const xs = of.map((_, i) => i / perNine), t = l.s.levels.length > 1 ? l.k / (l.s.levels.length - 1) : 1;
        const hue = dark.matches ? mix(hueOf(l.s), 255, 0.35 * t) : t < 0.5 ? mix(l.s.hue, 255, 0.45 * (1 - 2 * t)) : mix(l.s.hue, 0, 0.35 * (2 * t - 1));
        const cut = xs.findIndex((v) => v > l.p.sure);
        const sure = cut < 0 ? xs.length : cut + 1;
        const name = `${number(l.s.levels[l.k])}${g.sweeps.length > 1 ? " " + l.s.name[0] : ""}`;
        const out = [{ x: xs.slice(0, sure), y: of.slice(0, sure), hue, dash: dashes[l.s.look % 4], label: name, of: l }];
        if (sure < xs.length) out.push({ x: xs.slice(sure - 1), y: of.slice(sure - 1), hue, dash: [1, 4] });
        if (state.uncorrected) out.push({ x: xs, y: less(l.p.uncorrected || l.p.latency), hue: color("--ink"), width: 1 });
        return out;
      });
      const end = Math.max(1, ...lines.map((l) => l.x[l.y.findLastIndex((v) => v != null && v < endless)] || 0));
      const nines = [0, Math.log10(2)];
      for (let v = 1; v <= end; v++) nines.push(v);
      part.panel(`${state.adjusted ? "All requests, failures as ∞" : "Requests that were served"}: share that took at most this long${state.beyond ? " beyond the wait" : ""}, log scale`, 360, {
        lines, scale: logScale, limits: limits(lines, logScale, 0.35) || [0, 1], yTicks: logTicks, yText: time,
        xLimits: [0, end], xTicks: () => nines, xText: share, xGrid: true,
        words: (i) => `${share(i / perNine)} of requests took at most: ` + lines.filter((l) => l.of).map((l) =>
          `${l.of.s.name} at ${number(l.of.s.levels[l.of.k])}: ${time(latency(l.of.p)[i])}`).join("; ") + ".",
      });
    };
    const picks = g.sweeps.map((s) => {
      const set = el("fieldset", { className: "levels" }, el("legend", {}, swatch(s), `${s.name} (${s.name[0]}), ${g.unit}`));
      for (const l of all.filter((l) => l.s === s)) {
        set.append(check(number(s.levels[l.k]) + (s.valid[l.k] ? "" : " (not valid)"), state.shown.has(l), (on) => { state.shown[on ? "add" : "delete"](l); draw(); }));
      }
      return set;
    });
    host.append(
      el("div", { className: "bar" },
        check("uncorrected latency (thin)", false, (on) => { state.uncorrected = on; draw(); }),
        check("failures count as ∞", false, (on) => { state.adjusted = on; draw(); }),
        waits ? check("without the wait that is known of every request", true, (on) => { state.beyond = on; draw(); }) : null),
      el("div", { className: "bar" }, ...picks), part.area, part.read,
      el("p", { className: "small", textContent: "Dotted: fewer than ten samples lie beyond. A curve ends where the samples end." }));
    draw();
    redraws.push([draw, part]);
  };

  document.querySelectorAll(".live").forEach((host) => {
    host.hidden = false;
    host.parentElement.classList.add("drawn");
    const rises = (g) => g.sweeps.some((s) => s.levels.length > 1); // one level has a distribution, and no curve
    data.groups.forEach((g, n) => {
      if (host.dataset.chart === "percentiles") spectra(host, g);
      else if (rises(g) || !data.groups.some(rises)) capacity(host, g, n);
    });
  });
  dark.addEventListener("change", () => { for (const [draw] of redraws) draw(); });
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    for (const [draw] of redraws) draw();
  });

  const figures = document.getElementById("figures");
  figures.href = URL.createObjectURL(new Blob([JSON.stringify(data)], { type: "application/json" }));
  figures.hidden = false;

  // Tables that can be sorted.
  const valueOf = (text) => {
    if (text.includes("∞")) return Infinity;
    const m = /(-?[\d.]+)\s*([a-zA-Zµ%]*)/.exec(text.replace(/[,~!]/g, "").replace("−", "-"));
    if (!m) return null;
    return m[1] * ({ ns: 1e-9, "µs": 1e-6, ms: 1e-3, KiB: 1024, MiB: 1048576, GiB: 1073741824, "%": 0.01 }[m[2]] || 1);
  };
  document.querySelectorAll(".sortable table").forEach((table) => {
    const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
    heads.forEach((th, i) => {
      const button = el("button", { type: "button", textContent: th.textContent });
      th.replaceChildren(button);
      button.onclick = () => {
        const down = th.getAttribute("aria-sort") === "ascending";
        for (const h of heads) h.removeAttribute("aria-sort");
        th.setAttribute("aria-sort", down ? "descending" : "ascending");
        const words = th.classList.contains("left");
        const rows = [...body.rows].map((row) => [words ? row.cells[i].textContent : valueOf(row.cells[i].textContent), row]);
        rows.sort(([a], [b]) => {
          if (a == null || b == null) return (a == null) - (b == null); // what has no value comes last
          return (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1);
        });
        body.append(...rows.map(([, row]) => row));
      };
    });
  });
})();
