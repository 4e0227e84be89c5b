// The map itself: draws the points and what lies over them, and moves the camera.
'use strict';

const RIPPLE_SECONDS = 0.7;
const LEAST_OPACITY = 0.15;
const DIM_DEPTH = 0.02;  // share of the drawing order kept for dimmed points

class Stage {
  constructor(app) {
    Object.assign(this, {app, camera: new Camera(), box: byId('stage'), hovered: -1, polygon: null, ripples: [],
                         isMoved: false, counted: null, fewLit: false});
    this.painter = makePainter(byId('points'));
    this.pace = new Pace();
    this.overlay = byId('overlay').getContext('2d');
    this.sides = new Map();  // on which side of its anchor each name stands
    this.makeRoom();
    new ResizeObserver(() => this.resize()).observe(this.box);
  }

  // Make room for all points, also for those that were added.
  makeRoom() {
    this.order = new DrawingOrder(MAP.count);
    this.discs = new ArrayBuffer(16 * MAP.count);
    if (this.camera.x.length < MAP.count) this.camera.makeRoom(this.app.store.state.view);
  }

  resize() {
    const ratio = this.ratio = devicePixelRatio || 1;
    const {clientWidth: width, clientHeight: height} = this.box;
    for (const canvas of [byId('points'), byId('overlay')]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    Object.assign(this.camera, {width, height});
    if (!this.app.store.state.camera && !this.camera.motion) this.camera.show(this.app.store.state.view);
    this.paint();
  }

  request() {
    this.requested ||= requestAnimationFrame(now => {
      this.requested = 0;
      const moves = this.camera.step(now);
      if (moves) this.request();
      if (moves || this.isMoved) this.pace.move(now, () => this.request());
      this.isMoved = false;
      this.paint();
    });
  }

  paint() {
    this.camera.project();
    this.app.input?.look();
    this.painter.draw(this.discs, this.fillDiscs());
    this.paintOverlay();
  }

  radius() {
    return Math.max(1.8, Math.min(5.2, 190 / Math.sqrt(MAP.count))) * Math.max(1, Math.min(3, this.camera.zoom ** 0.4));
  }

  // Above MANY_NOTES, the points are the more transparent the more there are, so that crowded places are darker than
  // sparse ones; when the map is zoomed in, they get solid.
  opacity() {
    const ofAll = Math.max(LEAST_OPACITY, MANY_NOTES / MAP.count * this.camera.zoom ** 1.5);
    return Math.min(1, ofAll / this.pace.share);
  }

  // In drawing order: dimmed points first, then from far to near, in the plane in an arbitrary but fixed order; last
  // the sounds that predict.py added. Returns how many are drawn.
  fillDiscs() {
    const {camera, ratio, app: {lit, colours}} = this;
    const deep = camera.perspective > 0;
    const rank = deep ? i => (1.8 - camera.depth[i]) / 3.7 : i => i * 0.618034 % 0.97;
    const order = this.order.sort(i => lit[i] && (isAdded(i) ? 1 : DIM_DEPTH + rank(i)), this.drawn());
    const [place, colour] = [new Float32Array(this.discs), new Uint32Array(this.discs)];
    const [radius, dimmed, opacity] = [this.radius() * ratio, pixel(theme().dimmed), this.opacity()];
    for (let k = 0; k < order.length; k++) {
      const i = order[k];
      const near = 1 / (1 + camera.perspective * camera.depth[i]);
      place[4 * k] = camera.x[i] * ratio;
      place[4 * k + 1] = camera.y[i] * ratio;
      place[4 * k + 2] = radius * near * (lit[i] ? 1 : 0.5);
      colour[4 * k + 3] = lit[i] ? faded(colours[i], deep ? camera.depth[i] : 0, opacity) : faded(dimmed, 0, opacity);
    }
    return order.length;
  }

  // Which notes are drawn while the map moves: some of all, and what the user looks at.
  drawn() {
    const {pace, hovered, app: {lit, store: {state: {note}}}} = this;
    if (pace.share === 1) return () => true;
    if (this.counted !== lit) this.fewLit = (this.counted = lit).reduce((sum, one) => sum + !!one, 0) <= MANY_NOTES;
    const few = this.fewLit;
    return i => pace.draws(i) || isAdded(i) || i === note || i === hovered || few && lit[i];
  }

  paintOverlay() {
    const {overlay, ratio, camera} = this;
    const {note, hiddenFamilies} = this.app.store.state;
    overlay.setTransform(ratio, 0, 0, ratio, 0, 0);
    overlay.clearRect(0, 0, camera.width, camera.height);
    if (note >= 0) this.paintNeighbours(note);
    this.paintAdded();
    this.paintRipples();
    if (this.hovered >= 0) this.ring(this.hovered, this.radius() + 2.5, 1.5, theme().ink);
    if (note >= 0) this.ring(note, this.radius() + 4, 2.5, theme().ink);
    this.paintNames(new Set(hiddenFamilies));
    if (this.polygon) this.paintPolygon();
  }

  // Stroke what `trace` draws.
  stroke(colour, width, trace) {
    Object.assign(this.overlay, {strokeStyle: colour, lineWidth: width});
    this.overlay.beginPath();
    trace(this.overlay);
    this.overlay.stroke();
  }

  ring(note, radius, width, colour) {
    const {x, y} = this.camera;
    this.stroke(colour, width, overlay => overlay.arc(x[note], y[note], radius, 0, 2 * Math.PI));
  }

  // Added sounds wear a ring of their colour.
  paintAdded() {
    for (let note = MAP.n_notes; note < MAP.count; note++) {
      if (this.app.lit[note]) this.ring(note, this.radius() + 3, 2, colourOf(note));
    }
  }

  paintNeighbours(note) {
    const {overlay, camera: {x, y}} = this;
    overlay.globalAlpha = 0.45;
    this.stroke(theme().ink, 1, () => {
      for (const other of neighboursOf(note, this.app.store.state.otherInstruments)) {
        overlay.moveTo(x[note], y[note]);
        overlay.lineTo(x[other], y[other]);
      }
    });
    overlay.globalAlpha = 1;
  }

  paintRipples() {
    const now = performance.now();
    this.ripples = this.ripples.filter(({start}) => now - start < 1000 * RIPPLE_SECONDS);
    for (const {note, start} of this.ripples) {
      const age = stillness.matches ? 0.2 : (now - start) / (1000 * RIPPLE_SECONDS);
      this.overlay.globalAlpha = 1 - age;
      this.ring(note, this.radius() + 30 * Math.sqrt(age), 2.5, colourOf(note));
    }
    this.overlay.globalAlpha = 1;
    if (this.ripples.length) this.request();
  }

  // A line leads from a name to its cluster; a name over the hovered or the chosen note fades.
  paintNames(hidden) {
    const {overlay, camera} = this;
    const size = camera.width < 520 ? 12 : 14;
    Object.assign(overlay, {font: `650 ${size}px system-ui, sans-serif`, textAlign: 'center', textBaseline: 'middle',
                            lineJoin: 'round'});
    for (const {text, family, anchor, half, x, y} of this.names(hidden, size)) {
      const over = note => note >= 0 && Math.abs(camera.x[note] - x) < half + 10 && Math.abs(camera.y[note] - y) < size;
      const colour = mixed(MAP.colours[family], theme().ink, 0.65);
      overlay.globalAlpha = over(this.hovered) || over(this.app.store.state.note) ? 0.15 : 1;
      this.stroke(colour, 1, () => {
        overlay.moveTo(camera.x[anchor], camera.y[anchor]);
        overlay.lineTo(Math.max(x - half, Math.min(x + half, camera.x[anchor])),
                       Math.max(y - size / 2, Math.min(y + size / 2, camera.y[anchor])));
      });
      Object.assign(overlay, {lineWidth: 4, strokeStyle: theme().halo, fillStyle: colour});
      overlay.strokeText(text, x, y);
      overlay.fillText(text, x, y);
    }
    overlay.globalAlpha = 1;
  }

  // The names of the families that are not hidden and whose clusters are in the window.
  names(hidden, size) {
    const names = MAP.anchors[this.app.store.state.view]
      .filter(([family, anchor]) => !hidden.has(family) && this.inView(anchor, 0.5))
      .map(([family, anchor]) => ({text: MAP.labels[family], family, anchor,
                                   half: this.overlay.measureText(MAP.labels[family]).width / 2 + 3}));
    return placeNames(names, this.camera, this.app.lit, size, this.radius(), this.sides);
  }

  // What is being drawn: an area, or a path.
  paintPolygon() {
    const {overlay, app: {input: {tool}}} = this;
    overlay.setLineDash([5, 4]);
    this.stroke(theme().ink, 1.5, () => {
      for (const [x, y] of this.polygon) overlay.lineTo(x, y);
      if (tool !== 'path') overlay.closePath();
    });
    overlay.setLineDash([]);
    if (tool === 'path') return;
    Object.assign(overlay, {fillStyle: theme().ink, globalAlpha: 0.12});
    overlay.fill();
    overlay.globalAlpha = 1;
  }

  ripple(note) {
    this.ripples.push({note, start: performance.now()});
    this.request();
  }

  // Deeds.

  turnOrPan(dx, dy, pan) {
    if (pan || this.app.store.state.view === 'tsne_2d') this.camera.pan(dx, dy);
    else this.camera.turn(dx, dy, this.pivot());
    this.moved();
  }

  // The note about which the map turns once it is zoomed in: the chosen one if in view, else the one in the middle.
  pivot() {
    const {camera, app: {store: {state}, lit}} = this;
    if (camera.zoom < 1.5 * camera.home(state.view).zoom) return -1;
    camera.project();
    if (state.note >= 0 && this.inView(state.note)) return state.note;
    return camera.nearest(camera.width / 2, camera.height / 2, Infinity, lit);
  }

  // Whether a note lies in this share of the window on either side of its middle.
  inView(note, share = 0.47) {
    const {x, y, width, height} = this.camera;
    return Math.abs(x[note] - width / 2) < share * width && Math.abs(y[note] - height / 2) < share * height;
  }

  zoom(factor, x, y) {
    this.camera.zoomAt(factor, x, y);
    this.moved();
  }

  moved() {
    this.isMoved = true;
    this.request();
    this.app.store.change({camera: this.camera.pose()});
  }

  // Let some notes fill the window.
  frame(notes) {
    if (!notes.length) return this.app.say('There is nothing to zoom to.');
    this.app.store.change({camera: this.camera.frame(notes)});
    this.request();
  }

  // Bring a note into view when it is not.
  reveal(note, always = false) {
    const {camera} = this;
    camera.project();
    if (!always && this.inView(note)) return;
    camera.move(note, camera.width / 2, camera.height / 2);
    this.moved();
  }
}

// A pixel that lets more of what lies behind it through the farther away it is, and the less its opacity.
function faded(colour, depth, opacity) {
  const alpha = opacity * (depth ? Math.max(130, Math.min(255, 215 - 85 * depth)) : 255);
  return (colour & 0xffffff | Math.round(alpha) << 24) >>> 0;
}
