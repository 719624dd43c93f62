"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const stage = $("stage"), map = $("map"), swipe = $("swipe"), divider = $("divider"), cut = $("cut-rect");
  const [W, H] = data.size;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  document.documentElement.classList.remove("no-js");

  // ---- the view: a window (x, y, w, h) of the picture that fills the stage ----
  const MAX_ZOOM = 24;
  let zoom = 1, cx = W / 2, cy = H / 2, view = { x: 0, y: 0, w: W, h: H };
  const aspect = Math.min(3.2, Math.max(0.75, W / H));
  map.style.aspectRatio = String(aspect);

  const draw = () => {
    const box = map.getBoundingClientRect(), shape = box.width / box.height || aspect;
    let w = Math.max(W, H * shape) / zoom, h = w / shape;
    if (zoom === 1) { cx = W / 2; cy = H / 2; }
    const keep = (c, half, size) => (half * 2 >= size ? size / 2 : Math.min(size - half, Math.max(half, c)));
    cx = keep(cx, w / 2, W); cy = keep(cy, h / 2, H);
    view = { x: cx - w / 2, y: cy - h / 2, w, h };
    map.setAttribute("viewBox", `${view.x} ${view.y} ${w} ${h}`);
    stage.classList.toggle("zoomed", zoom > 1);
    const name = ((box.width < 500 ? 11 : 13) * w) / box.width;
    for (const text of map.querySelectorAll(".zone-name")) text.setAttribute("font-size", name);
    place(); scale(box);
  };
  const place = () => {
    const share = Number(swipe.value) / 100, x = view.x + view.w * share;
    divider.style.left = `${share * 100}%`;
    cut.setAttribute("x", x); cut.setAttribute("y", view.y);
    cut.setAttribute("width", Math.max(0, view.x + view.w - x)); cut.setAttribute("height", view.h);
    swipe.setAttribute("aria-valuetext", `${swipe.value} percent before`);
    for (const b of document.querySelectorAll("[data-show]")) {
      const on = b.dataset.show === swipe.value || (b.dataset.show === "50" && share > 0 && share < 1);
      b.setAttribute("aria-pressed", String(on));
    }
  };
  const scale = (box) => {
    if (!data.metres) return;
    const perPixel = (data.metres * view.w) / box.width, most = perPixel * Math.min(150, box.width / 3);
    const power = 10 ** Math.floor(Math.log10(most));
    const length = [5, 2, 1].map((k) => k * power).find((v) => v <= most) || power;
    $("scale").style.width = `${length / perPixel}px`;
    $("scale-text").textContent = length >= 1000 ? `${length / 1000} km` : `${length} m`;
    $("scale").hidden = false;
  };
  const zoomTo = (next, x = cx, y = cy) => {
    const before = zoom;
    zoom = Math.min(MAX_ZOOM, Math.max(1, next));
    cx = x + ((cx - x) * before) / zoom; cy = y + ((cy - y) * before) / zoom;
    draw();
  };
  const at = (event) => {
    const box = map.getBoundingClientRect();
    return [view.x + ((event.clientX - box.left) / box.width) * view.w, view.y + ((event.clientY - box.top) / box.height) * view.h];
  };
  const swipeTo = (event) => {
    const box = map.getBoundingClientRect();
    swipe.value = String(Math.round(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * 100));
    place();
  };

  swipe.addEventListener("input", place);
  for (const b of document.querySelectorAll("[data-show]")) b.addEventListener("click", () => { swipe.value = b.dataset.show; place(); });
  $("outlines").addEventListener("click", (event) => {
    const on = event.currentTarget.getAttribute("aria-pressed") !== "true";
    event.currentTarget.setAttribute("aria-pressed", String(on));
    $("drawn").style.display = on ? "" : "none";
  });
  $("zoom-in").addEventListener("click", () => zoomTo(zoom * 1.6));
  $("zoom-out").addEventListener("click", () => zoomTo(zoom / 1.6));
  $("zoom-reset").addEventListener("click", () => zoomTo(1));
  map.addEventListener("keydown", (event) => {
    const step = view.w / 8;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.key === "+" || event.key === "=") zoomTo(zoom * 1.6);
    else if (event.key === "-") zoomTo(zoom / 1.6);
    else if (event.key === "0") zoomTo(1);
    else if (moves[event.key] && zoom > 1) { cx += moves[event.key][0]; cy += moves[event.key][1]; draw(); }
    else return;
    event.preventDefault();
  });
  let hintTimer = 0;
  stage.addEventListener("wheel", (event) => {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      zoomTo(zoom * Math.exp(-event.deltaY / 300), ...at(event));
    } else {
      $("hint").hidden = false; clearTimeout(hintTimer);
      hintTimer = setTimeout(() => { $("hint").hidden = true; }, 900);
    }
  }, { passive: false });

  // ---- pointers: one drags (divider, or the picture when zoomed in), two pinch ----
  const touches = new Map();
  let drag = null, moved = false;
  stage.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    touches.set(event.pointerId, event); moved = false;
    drag = divider.contains(event.target) || zoom === 1 ? "swipe" : "pan";
    if (divider.contains(event.target)) stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    hover(event);
    const last = touches.get(event.pointerId);
    if (!last) return;
    const dx = event.clientX - last.clientX, dy = event.clientY - last.clientY;
    if (!moved && Math.hypot(dx, dy) < 4) return;
    moved = true; stage.setPointerCapture(event.pointerId); stage.classList.add("dragging");
    if (touches.size === 2) {
      const [other] = [...touches.values()].filter((t) => t.pointerId !== event.pointerId);
      const span = (t) => Math.hypot(t.clientX - other.clientX, t.clientY - other.clientY) || 1;
      zoomTo((zoom * span(event)) / span(last), ...at(event));
    } else if (drag === "swipe") swipeTo(event);
    else {
      const perPixel = view.w / map.getBoundingClientRect().width;
      cx -= dx * perPixel; cy -= dy * perPixel; draw();
    }
    touches.set(event.pointerId, event);
  });
  const release = (event) => { touches.delete(event.pointerId); stage.classList.remove("dragging"); };
  stage.addEventListener("pointerup", (event) => {
    const known = touches.has(event.pointerId);
    release(event);
    const path = event.target.closest ? event.target.closest(".o") : null;
    if (known && !moved && path) select(Number(path.dataset.i), false);
  });
  stage.addEventListener("pointercancel", release);
  stage.addEventListener("pointerleave", () => { $("tip").hidden = true; $("where").textContent = ""; });
  stage.addEventListener("dblclick", (event) => zoomTo(zoom * 2, ...at(event)));

  // ---- what is under the pointer ----
  const place2 = (x, y) => {
    const grid = data.lonlat;
    if (!grid) return `column ${Math.floor(x * data.factor[0])}, row ${Math.floor(y * data.factor[1])}`;
    const n = grid.length - 1, u = Math.min(n - 1e-9, Math.max(0, (x / W) * n)), v = Math.min(n - 1e-9, Math.max(0, (y / H) * n));
    const i = Math.floor(u), j = Math.floor(v), a = u - i, b = v - j;
    const mix = (k) => grid[j][i][k] * (1 - a) * (1 - b) + grid[j][i + 1][k] * a * (1 - b) + grid[j + 1][i][k] * (1 - a) * b + grid[j + 1][i + 1][k] * a * b;
    const lon = mix(0), lat = mix(1);
    return `${Math.abs(lat).toFixed(5)}° ${lat < 0 ? "S" : "N"}, ${Math.abs(lon).toFixed(5)}° ${lon < 0 ? "W" : "E"}`;
  };
  const hover = (event) => {
    const [x, y] = at(event), tip = $("tip");
    $("where").textContent = x >= 0 && y >= 0 && x <= W && y <= H ? place2(x, y) : "";
    const path = event.target.closest ? event.target.closest(".o") : null;
    tip.hidden = !path || event.pointerType === "touch";
    if (tip.hidden) return;
    tip.textContent = data.objects[Number(path.dataset.i)].tip;
    const box = stage.getBoundingClientRect(), left = event.clientX - box.left, top = event.clientY - box.top;
    tip.style.left = `${Math.max(4, Math.min(left + 14, box.width - tip.offsetWidth - 8))}px`;
    tip.style.top = `${top + 18 + tip.offsetHeight > box.height ? top - tip.offsetHeight - 10 : top + 18}px`;
  };

  // ---- selection: outline, row and details together ----
  const rows = new Map([...document.querySelectorAll("#object-rows tr")].map((r) => [Number(r.dataset.i), r]));
  const select = (i, go) => {
    const item = data.objects[i], path = map.querySelector(`.o[data-i="${i}"]`);
    for (const row of rows.values()) row.removeAttribute("aria-selected");
    const row = rows.get(i);
    if (row) {
      row.setAttribute("aria-selected", "true");
      if (!go) {
        const box = row.closest(".scroll"), top = row.offsetTop - box.clientHeight / 2;
        box.scrollTo({ top, behavior: still ? "auto" : "smooth" });
      }
    }
    for (const mark of map.querySelectorAll(".highlight")) {
      mark.setAttribute("d", path ? path.getAttribute("d") : "");
      mark.classList.remove("flash"); void mark.getBoundingClientRect(); mark.classList.add("flash");
    }
    const list = document.createElement("dl");
    for (const [name, value] of item.rows) {
      const term = document.createElement("dt"), text = document.createElement("dd");
      term.textContent = name; text.textContent = value; list.append(term, text);
    }
    const acts = document.createElement("div"), look = document.createElement("button");
    acts.className = "acts"; look.type = "button"; look.textContent = "Zoom to it";
    look.addEventListener("click", () => focus(i)); acts.append(look);
    $("details").replaceChildren(list, acts);
    if (go) {
      focus(i);
      const box = stage.getBoundingClientRect();
      if (box.top + box.height / 2 < 60 || box.top + box.height / 2 > innerHeight - 60) stage.scrollIntoView({ block: "center", behavior: still ? "auto" : "smooth" });
    }
  };
  const focus = (i) => {
    const [x0, y0, x1, y1] = data.objects[i].box;
    const want = Math.max(x1 - x0, y1 - y0, 8) * 5;
    zoom = Math.min(MAX_ZOOM, Math.max(1, Math.max(W, H) / want)); cx = (x0 + x1) / 2; cy = (y0 + y1) / 2;
    draw();
  };
  const body = $("object-rows");
  if (body) body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row) select(Number(row.dataset.i), true);
  });

  // ---- filters and sorting ----
  for (const box of document.querySelectorAll("[data-layer]")) {
    const apply = () => {
      for (const g of map.querySelectorAll(`[data-group="${box.dataset.layer}"]`)) g.style.display = box.checked ? "" : "none";
      for (const row of rows.values()) if (row.dataset.group === box.dataset.layer) row.hidden = !box.checked;
    };
    box.addEventListener("change", apply);
    if (!box.checked) apply();
  }
  for (const button of document.querySelectorAll("th button[data-sort]")) button.addEventListener("click", () => {
    const head = button.closest("th"), column = Number(button.dataset.sort);
    const down = head.getAttribute("aria-sort") === "ascending" || (!head.hasAttribute("aria-sort") && head.classList.contains("n") && column > 0);
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => row.children[column].dataset.v;
    const order = [...body.children].sort((a, b) => {
      const x = key(a), y = key(b);
      if (x === "" || y === "") return x === y ? 0 : x === "" ? 1 : -1;
      const difference = isNaN(x) || isNaN(y) ? x.localeCompare(y) : Number(x) - Number(y);
      return down ? -difference : difference;
    });
    body.append(...order);
  });

  new ResizeObserver(draw).observe(map);
  draw();
})();
