// Curves of the training by uPlot. What is pointed at is read in all charts of a run at once.
(() => {
  "use strict";
  const HEIGHT = 230;
  const COLOURS = ["--one", "--two", "--three"];
  const DASHES = [[], [7, 3], [2, 3]];
  const places = [...document.querySelectorAll(".plot")];
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const font = () => `12px ${getComputedStyle(document.body).fontFamily}`;
  let plots = new Map();

  function inWords(value) {
    if (value == null) return "–";
    const [number, exponent] = String(Number(value.toPrecision(4))).replace(/^-/, "−").split("e");
    const superscript = (digits) => [...digits].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit] ?? (digit === "-" ? "⁻" : "")).join("");
    return exponent ? `${number} × 10${superscript(exponent)}` : number;
  }

  const lastOf = (values) => values.findLast((value) => value !== null);

  function axis(more) {
    const line = { stroke: colour("--line"), width: 1 };
    return { stroke: colour("--soft"), font: font(), grid: line, ticks: line, values: (_, values) => values.map(inWords), ...more };
  }

  // Where the networks grow: a dashed line with the name of the scale.
  function drawMarks(plot, marks) {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    ctx.save();
    Object.assign(ctx, { strokeStyle: colour("--soft"), fillStyle: colour("--soft"), lineWidth: ratio, textAlign: "left", font: `${11 * ratio}px ${getComputedStyle(document.body).fontFamily}` });
    ctx.setLineDash([2 * ratio, 4 * ratio]);
    let free = -Infinity;
    for (const [step, text] of marks) {
      const x = Math.round(plot.valToPos(step, "x", true));
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      if (x < free) continue; // names of scales that are near each other would cover one another
      ctx.fillText(text, x + 4 * ratio, bbox.top - 6 * ratio);
      free = x + ctx.measureText(text).width + 12 * ratio;
    }
    ctx.restore();
  }

  function draw(place) {
    const { steps, curves, marks } = JSON.parse(place.dataset.chart);
    const series = curves.map(({ title, values }, k) => ({
      label: title,
      stroke: colour(COLOURS[k % COLOURS.length]),
      width: 2,
      dash: DASHES[k % DASHES.length],
      spanGaps: true, // a row of the log may lack what another has
      value: (_, value, __, at) => inWords(at === null ? lastOf(values) : value),
    }));
    const options = {
      width: place.clientWidth,
      height: HEIGHT,
      padding: [22, 12, null, null],
      scales: { x: { time: false, range: (_, low, high) => (steps.length === 1 ? [steps[0] - 1, steps[0] + 1] : [low, high]) } },
      axes: [axis({ incrs: [1, 2, 5].flatMap((n) => Array.from({ length: 12 }, (_, k) => n * 10 ** k)).sort((a, b) => a - b) }), axis({ size: 64 })],
      series: [{ label: "step", value: (_, value) => inWords(value ?? lastOf(steps)) }, ...series],
      cursor: { sync: { key: place.dataset.run } },
      hooks: { draw: [(plot) => drawMarks(plot, marks)] },
    };
    plots.get(place)?.destroy();
    const plot = new uPlot(options, [steps, ...curves.map(({ values }) => values)], place);
    plot.root.ariaHidden = "true"; // the place itself says what is drawn
    plots.set(place, plot);
  }

  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const plot = plots.get(target);
      if (!target.clientWidth || plot?.width === target.clientWidth) continue;
      plot ? plot.setSize({ width: target.clientWidth, height: HEIGHT }) : draw(target);
    }
  });
  const drawAll = () => [...plots.keys()].forEach(draw);

  for (const place of places) resized.observe(place);
  dark.addEventListener("change", drawAll);
  new MutationObserver(drawAll).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
})();
