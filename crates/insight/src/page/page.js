'use strict';
// Draws the data of a report. `data` is documented in the crate's `page` module.
const data = JSON.parse(document.getElementById('data').textContent);
const frames = data.frames || [];
data.stacks = (data.stacks || []).map(stack => stack.map(index => frames[index]));
for (const row of data.sites ? data.sites.rows : []) row.stack = row.stack.map(index => frames[index]);
const $ = (selector, from = document) => from.querySelector(selector);
const hex = n => '0x' + n.toString(16);
const count = n => n.toLocaleString('en-US');
const plural = (n, noun) => count(n) + ' ' + noun + (n === 1 ? '' : 's');

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && name !== 'style') element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

function show(id) {
  const section = document.getElementById(id);
  section.hidden = false;
  return section;
}

// The last element of a sorted list of [start, end, …] that has an address.
function at(list, address) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle][0] <= address) low = middle + 1; else high = middle;
  }
  const found = list[low - 1];
  return found && address < found[1] ? found : null;
}

const frameText = frame =>
  frame.function + (frame.file ? '  ' + frame.file + (frame.line ? ':' + frame.line : '') : '') +
  (frame.offset !== undefined && frame.offset !== null ? '  at ' + hex(frame.offset) : '');
const stackText = stack => stack.map(frame => '  ' + frameText(frame)).join('\n') || '  (no guest function)';

// Theme.
const theme = $('#theme');
const prefersDark = matchMedia('(prefers-color-scheme: dark)');
const isDark = () => (document.documentElement.dataset.theme || (prefersDark.matches ? 'dark' : 'light')) === 'dark';
function themed() {
  theme.textContent = isDark() ? 'Light' : 'Dark';
  theme.setAttribute('aria-pressed', String(isDark()));
  if (map) map.draw();
}
theme.onclick = () => { document.documentElement.dataset.theme = isDark() ? 'light' : 'dark'; themed(); };
prefersDark.addEventListener('change', themed);

// Summary.
for (const [name, value] of data.summary) {
  $('#summary dl').append(make('dt', {}, name), make('dd', {}, typeof value === 'number' ? count(value) : value));
}

if (!data.summary.length) $('#summary').hidden = true;

// Findings.
if (data.findings) {
  const list = $('ol', show('findings'));
  if (!data.findings.length) list.replaceWith(make('p', {}, 'Nothing was found.'));
  for (const finding of data.findings) {
    const body = make('div', {}, make('pre', {}, stackText(finding.stack)));
    if (finding.block && !finding.kind.startsWith('leak')) {
      body.append(make('p', { className: 'soft' }, 'The block ' + hex(finding.block.addr) + '..' + hex(finding.block.addr + finding.block.size) + ' was allocated at'),
        make('pre', {}, stackText(finding.block.allocated_at)));
    }
    if (finding.block && finding.block.freed_at) {
      body.append(make('p', { className: 'soft' }, 'and freed at'), make('pre', {}, stackText(finding.block.freed_at)));
    }
    const address = finding.addr ?? (finding.block && finding.block.addr);
    if (data.memory && address !== undefined && address !== null) {
      body.append(make('button', { type: 'button', onclick: () => go(address) }, 'Show ' + hex(address) + ' in the memory'));
    }
    const title = make('summary', {}, make('span', { className: 'bad' }, finding.kind), ' ' + finding.message,
      finding.count > 1 ? ' (' + count(finding.count) + ' times)' : '');
    list.append(make('li', {}, make('details', { open: data.findings.length <= 5 }, title, body)));
  }
}

// The map of the memory.
const KINDS = {
  null: ['null page', '--null'], rodata: ['constant data', '--rodata'], data: ['data', '--data'], bss: ['variables', '--bss'],
  stack: ['stack', '--stack'], heap: ['heap, not in a block', '--heap'], freed: ['freed block', '--freed'],
  block: ['block (a colour for each call stack)', null], written: ['written (a colour for each writer)', null],
  heat: ['accesses: the darker, the more', null], changed: ['changed', '--accent'], other: ['other', '--other'],
};
const hue = index => 'hsl(' + (index * 137.5) % 360 + ' 55% ' + (isDark() ? '48%' : '66%') + ')';
let map = null;

function go(address) {
  if (map) map.select(address, true);
}

if (data.memory) {
  show('map');
  const canvas = $('#canvas'), where = $('#where');
  const shorthand = {
    blocks: () => data.blocks.map(([start, end, stack, freed]) => [start, Math.max(end, start + 1), freed ? 'freed' : 'block', stack]),
    writers: () => data.writers.map(([start, end, stack]) => [start, end, 'written', stack]),
  };
  const layers = (data.layers || []).map(layer => typeof layer === 'string' ? shorthand[layer]() : layer);
  const size = data.memory.bytes, finds = (data.findings || []).filter(f => f.addr !== undefined && f.addr !== null);
  let view = [0, size], chosen = null, drag = null;
  const ROWS = 60;
  const colour = (kind, index) => kind === 'heat' ? 'hsl(15 80% ' + (isDark() ? 15 + index * 6 : 95 - index * 6) + '%)'
    : KINDS[kind][1] ? getComputedStyle(document.documentElement).getPropertyValue(KINDS[kind][1]) : hue(index);
  map = {
    draw() {
      const ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
      canvas.width = width * ratio; canvas.height = height * ratio;
      const pen = canvas.getContext('2d');
      pen.scale(ratio, ratio);
      const styles = getComputedStyle(document.documentElement);
      pen.fillStyle = styles.getPropertyValue('--free');
      pen.fillRect(0, 0, width, height);
      const rowBytes = (view[1] - view[0]) / ROWS, rowHeight = height / ROWS;
      const fill = (start, end, paint) => {
        start = Math.max(start, view[0]); end = Math.min(end, view[1]);
        if (start >= end) return;
        pen.fillStyle = paint;
        for (let row = Math.floor((start - view[0]) / rowBytes); row < ROWS; row++) {
          const from = view[0] + row * rowBytes;
          if (from >= end) break;
          const x = Math.max(0, (start - from) / rowBytes) * width;
          const right = Math.min(1, (end - from) / rowBytes) * width;
          pen.fillRect(x, row * rowHeight, Math.max(right - x, 1), rowHeight - 1);
        }
      };
      for (const layer of layers) for (const [start, end, kind, index] of layer) fill(start, end, colour(kind, index || 0));
      const bad = styles.getPropertyValue('--bad'), accent = styles.getPropertyValue('--accent');
      const cross = (address, paint) => {
        if (address < view[0] || address >= view[1]) return;
        const row = Math.floor((address - view[0]) / rowBytes), x = ((address - view[0]) / rowBytes - row) * width;
        pen.strokeStyle = paint; pen.lineWidth = 2;
        pen.strokeRect(x - 4, row * rowHeight - 2, 8, rowHeight + 3);
      };
      for (const finding of finds) cross(finding.addr, bad);
      if (chosen !== null) cross(chosen, accent);
      canvas.setAttribute('aria-label', 'Memory from ' + hex(Math.floor(view[0])) + ' to ' + hex(Math.floor(view[1])));
    },
    zoom(factor, around) {
      const centre = around ?? chosen ?? (view[0] + view[1]) / 2;
      const length = Math.min(Math.max((view[1] - view[0]) * factor, ROWS * 16), size);
      const part = (centre - view[0]) / (view[1] - view[0]);
      this.move(centre - part * length, length);
    },
    move(start, length = view[1] - view[0]) {
      start = Math.min(Math.max(start, 0), size - length);
      view = [start, start + length];
      this.draw();
    },
    select(address, follow) {
      if (!(address >= 0 && address < size)) { where.textContent = hex(address) + ' is not in the memory.'; return; }
      chosen = address;
      if (follow && (address < view[0] || address >= view[1] || view[1] - view[0] > 1 << 20)) {
        const length = Math.min(size, 4096);
        this.move(address - length / 2, length);
      }
      describe(address);
      this.draw();
    },
  };
  const addressOf = event => {
    const box = canvas.getBoundingClientRect();
    const row = Math.min(Math.floor((event.clientY - box.top) / box.height * ROWS), ROWS - 1);
    return Math.floor(view[0] + (row + (event.clientX - box.left) / box.width) * (view[1] - view[0]) / ROWS);
  };
  function describe(address) {
    where.replaceChildren(make('h3', { className: 'mono' }, hex(address)));
    const line = (...children) => where.append(make('p', {}, ...children));
    const symbol = at(data.symbols || [], address);
    if (symbol) line('Symbol ', make('code', {}, symbol[2] + (address > symbol[0] ? '+' + (address - symbol[0]) : '')));
    for (const layer of layers) {
      const found = at(layer, address);
      // Who wrote it, and which block it is in, is said below.
      if (found && !['written', 'block'].includes(found[2])) line(KINDS[found[2]][0].replace(/ \(.*/, ''), found[4] ? ' ' + found[4] : '', ', ' + hex(found[0]) + '..' + hex(found[1]));
    }
    const block = at(data.blocks || [], address);
    if (block) {
      line((block[3] ? 'Freed block' : 'Block') + ' of ' + plural(block[1] - block[0], 'byte') + ', byte ' + (address - block[0]) + ', allocated at');
      where.append(make('pre', {}, stackText(data.stacks[block[2]] || [])));
    }
    const writer = at(data.writers || [], address);
    if (writer) { line('Last written by'); where.append(make('pre', {}, stackText(data.stacks[writer[2]] || []))); }
    const here = finds.filter(finding => address >= finding.addr && address < finding.addr + Math.max(finding.len || 1, 1));
    for (const finding of here) line(make('span', { className: 'bad' }, finding.kind), ' ' + finding.message);
    const byte = byteAt(address);
    if (byte !== null) line('Value ', make('code', {}, byte.toString(16).padStart(2, '0')), ' (' + byte + ')');
    hexShow(address);
  }
  canvas.addEventListener('pointerdown', event => { drag = { x: event.clientX, y: event.clientY, view: view.slice(), moved: false }; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener('pointermove', event => {
    if (!drag) { canvas.title = hex(addressOf(event)); return; }
    const box = canvas.getBoundingClientRect(), rows = (event.clientY - drag.y) / box.height * ROWS;
    if (Math.abs(event.clientX - drag.x) + Math.abs(event.clientY - drag.y) > 4) drag.moved = true;
    if (drag.moved) map.move(drag.view[0] - (rows + (event.clientX - drag.x) / box.width) * (drag.view[1] - drag.view[0]) / ROWS);
  });
  canvas.addEventListener('pointerup', event => { if (drag && !drag.moved) map.select(addressOf(event)); drag = null; });
  canvas.addEventListener('wheel', event => { event.preventDefault(); map.zoom(event.deltaY > 0 ? 1.25 : 0.8, addressOf(event)); }, { passive: false });
  canvas.addEventListener('keydown', event => {
    const length = view[1] - view[0], row = length / ROWS;
    const actions = {
      '+': () => map.zoom(0.5), '=': () => map.zoom(0.5), '-': () => map.zoom(2), '0': () => map.move(0, size),
      ArrowUp: () => map.move(view[0] - row), ArrowDown: () => map.move(view[0] + row),
      PageUp: () => map.move(view[0] - length), PageDown: () => map.move(view[0] + length),
      ArrowLeft: () => map.select(Math.max((chosen ?? Math.floor(view[0])) - 1, 0), true),
      ArrowRight: () => map.select(Math.min((chosen ?? Math.floor(view[0])) + 1, size - 1), true),
      Enter: () => map.select(chosen ?? Math.floor((view[0] + view[1]) / 2)),
    };
    if (actions[event.key]) { event.preventDefault(); actions[event.key](); }
  });
  const used = new Set(layers.flat().map(entry => entry[2]));
  for (const kind of used) {
    const box = make('i');
    box.style.background = colour(kind, 4);
    $('#legend').append(make('li', {}, box, KINDS[kind][0]));
  }
  for (const [start, end, kind, , name] of (layers[0] || [])) {
    $('#regions tbody').append(make('tr', {}, make('td', { className: 'number' }, hex(start)), make('td', { className: 'number' }, hex(end)),
      make('td', { className: 'number' }, count(end - start)), make('td', {}, KINDS[kind][0] + (name ? ' ' + name : ''))));
  }
  new ResizeObserver(() => map.draw()).observe(canvas);
  for (const symbol of (data.symbols || []).slice(0, 2000)) $('#names').append(make('option', { value: symbol[2] }));
  where.textContent = plural(size, 'byte') + '.';
}

// Bytes: pieces of [address, base64].
const pieces = (data.bytes || []).map(([start, text]) => {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return [start, start + bytes.length, bytes];
});
function byteAt(address) {
  const piece = at(pieces, address);
  return piece ? piece[2][address - piece[0]] : null;
}
function hexShow(address) {
  const piece = at(pieces, address) || null, box = $('#hex');
  if (!piece) { $('#bytes').hidden = true; return; }
  show('bytes');
  const first = Math.max(piece[0], (address & ~15) - 256), last = Math.min(piece[1], first + 1024);
  box.replaceChildren();
  for (let row = first - first % 16; row < last; row += 16) {
    box.append(hex(row).padEnd(12));
    let text = '';
    for (let i = row; i < row + 16; i++) {
      const value = i >= piece[0] && i < piece[1] ? piece[2][i - piece[0]] : null;
      if (value === null) { box.append('   '); text += ' '; continue; }
      const writer = at(data.writers || [], i), cell = make('b', { title: hex(i) }, value.toString(16).padStart(2, '0'));
      if (writer) cell.style.background = hue(writer[2]);
      if (i === address) cell.className = 'now';
      cell.onclick = () => map && map.select(i);
      box.append(cell, ' ');
      text += value >= 32 && value < 127 ? String.fromCharCode(value) : '.';
    }
    box.append(' ' + text + '\n');
  }
}
if (pieces.length && !data.findings) hexShow(data.at ?? pieces[0][0]);

// Over time.
if (data.timeline && data.timeline.points.length > 1) {
  const points = data.timeline.points, width = 1000, height = 200;
  const end = points[points.length - 1][0] || 1, top = Math.max(...points.map(point => Math.max(...point.slice(1)))) || 1;
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 ' + width + ' ' + (height + 20));
  svg.setAttribute('role', 'img');
  const series = data.timeline.series;
  svg.setAttribute('aria-label', series.join(' and ') + ' over ' + data.timeline.unit + '; at most ' + count(top));
  const tag = (name, attributes, text) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text) element.textContent = text;
    svg.append(element);
  };
  series.forEach((name, index) => {
    const path = points.map(point => (point[0] / end * width).toFixed(1) + ',' + (height - point[index + 1] / top * height).toFixed(1));
    tag('polyline', { points: path.join(' '), fill: 'none', stroke: hue(index * 3 + 1), 'stroke-width': 2, 'vector-effect': 'non-scaling-stroke' });
    tag('text', { x: 8 + index * 220, y: 14, style: 'fill:' + hue(index * 3 + 1) }, name);
  });
  tag('text', { x: 0, y: height + 16 }, '0');
  tag('text', { x: width, y: height + 16, 'text-anchor': 'end' }, count(end) + ' ' + data.timeline.unit);
  tag('text', { x: width, y: 14, 'text-anchor': 'end' }, count(top));
  $('.plot', show('timeline')).append(svg);
}

// Who allocates: a flame graph.
if (data.sites && data.sites.rows.length) {
  const section = show('flame'), box = $('.flame', section), measure = $('#measure'), back = $('#unzoom');
  data.sites.measures.forEach((name, index) => measure.append(make('option', { value: index }, name)));
  let focus = null;
  function build(index) {
    const root = { name: 'all', value: 0, children: new Map() };
    for (const row of data.sites.rows) {
      const value = row.values[index];
      root.value += value;
      let node = root;
      for (const frame of row.stack.slice().reverse()) {
        const name = frame.function;
        if (!node.children.has(name)) node.children.set(name, { name, value: 0, children: new Map() });
        node = node.children.get(name);
        node.value += value;
      }
    }
    return root;
  }
  function draw() {
    const root = build(+measure.value);
    let top = root;
    for (const name of focus || []) top = top.children.get(name) || top;
    box.replaceChildren();
    let depth = 0;
    const place = (node, left, width, level, path) => {
      if (width < 0.0008 || !node.value) return;
      depth = Math.max(depth, level);
      const share = (node.value / root.value * 100).toFixed(1);
      const button = make('button', { type: 'button', role: 'treeitem', 'aria-level': level + 1, title: node.name + ': ' + count(node.value) + ' (' + share + '%)' }, node.name);
      button.style.cssText = 'left:' + left * 100 + '%;width:' + width * 100 + '%;top:' + level * 20 + 'px;background:' + hue([...node.name].reduce((sum, c) => sum + c.charCodeAt(0), 0));
      button.onclick = () => { focus = path; draw(); };
      box.append(button);
      let x = left;
      for (const child of [...node.children.values()].sort((a, b) => b.value - a.value)) {
        place(child, x, width * child.value / node.value, level + 1, [...path, child.name]);
        x += width * child.value / node.value;
      }
    };
    place(top, 0, 1, 0, focus || []);
    box.style.height = (depth + 1) * 20 + 'px';
    back.hidden = !focus || !focus.length;
  }
  measure.onchange = draw;
  back.onclick = () => { focus = null; draw(); };
  draw();
  const table = $('#sites');
  $('thead', table).append(make('tr', {}, ...data.sites.measures.map(name => make('th', { scope: 'col' }, name)), make('th', { scope: 'col' }, 'call stack')));
  for (const row of data.sites.rows.slice(0, 200)) {
    $('tbody', table).append(make('tr', {}, ...row.values.map(value => make('td', { className: 'number' }, count(value))),
      make('td', {}, make('pre', {}, row.stack.map(frameText).join('\n')))));
  }
}

// Anything else: a table.
if (data.rows) {
  const section = show('rows');
  $('h2', section).textContent = data.rows.title;
  $('thead', section).append(make('tr', {}, ...data.rows.columns.map((name, index) => make('th', { scope: 'col', className: typeof (data.rows.rows[0] || [])[index] === 'string' ? '' : 'number' }, name))));
  for (const row of data.rows.rows) {
    const cells = row.map(value => typeof value === 'object' && value
      ? make('td', { className: 'number' }, make('button', { type: 'button', onclick: () => go(value.addr) }, hex(value.addr)))
      : make('td', { className: typeof value === 'number' ? 'number' : 'mono' }, typeof value === 'number' ? count(value) : String(value ?? '')));
    $('tbody', section).append(make('tr', {}, ...cells));
  }
}

// Search: an address, a symbol, or a function of a call stack.
$('#search').onsubmit = event => {
  event.preventDefault();
  const text = $('#query').value.trim(), plus = text.match(/^(.*)\+(\d+|0x[0-9a-f]+)$/i);
  const name = plus ? plus[1] : text, extra = plus ? Number(plus[2]) : 0;
  if (/^(0x[0-9a-f]+|\d+)$/i.test(text)) return go(Number(text));
  const symbol = (data.symbols || []).find(entry => entry[2] === name) || (data.symbols || []).find(entry => entry[2].includes(name));
  if (symbol) return go(symbol[0] + extra);
  const block = (data.blocks || []).find(entry => (data.stacks[entry[2]] || []).some(frame => frame.function.includes(text)));
  if (block) return go(block[0]);
  if ($('#where')) $('#where').textContent = 'Nothing here is called ' + text + '.';
};
themed();
if (data.at !== undefined && data.at !== null) go(data.at);
