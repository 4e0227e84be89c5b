// Turns mouse, touch and keys over the map into deeds of the app.
'use strict';

const CLICK_REACH = 18;  // pixels around the pointer in which a note is meant
const DRAG_START = 4;
const ARROWS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

class Input {
  constructor(app, stage) {
    Object.assign(this, {app, stage, camera: stage.camera, box: stage.box, tool: 'move', pointers: new Map()});
    const box = this.box;
    box.onpointerdown = event => this.down(event);
    box.onpointermove = event => this.move(event);
    box.onpointerup = event => this.up(event);
    box.onpointercancel = event => this.cancel(event);
    box.onpointerleave = () => this.hover(-1);
    box.onkeydown = event => this.key(event);
    box.addEventListener('wheel', event => this.wheel(event), {passive: false});
  }

  place(event) {
    const box = this.box.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  wheel(event) {
    event.preventDefault();
    this.stage.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), ...this.place(event));
  }

  down(event) {
    this.box.setPointerCapture(event.pointerId);
    const at = this.place(event);
    this.pointers.set(event.pointerId, {start: at, at, dragged: false});
    if (this.tool !== 'move' && this.pointers.size === 1) this.stage.polygon = [at];
  }

  move(event) {
    const at = this.place(event);
    const pointer = this.pointers.get(event.pointerId);
    if (!pointer) return this.hover(this.pick(at), at);
    const [dx, dy] = [at[0] - pointer.at[0], at[1] - pointer.at[1]];
    pointer.dragged ||= Math.hypot(at[0] - pointer.start[0], at[1] - pointer.start[1]) > DRAG_START;
    if (this.pointers.size === 2) this.pinch(event.pointerId, at);
    else if (this.stage.polygon) this.extend(pointer.start, at);
    else if (pointer.dragged) this.stage.turnOrPan(dx, dy, event.shiftKey);
    pointer.at = at;
  }

  up(event) {
    const pointer = this.pointers.get(event.pointerId);
    const polygon = this.stage.polygon;
    this.cancel(event);
    if (!pointer) return;
    if (!pointer.dragged) this.click(pointer.at);
    else if (polygon) this.app.selectInside(this.camera.inside(polygon, this.app.passing), event.shiftKey);
  }

  cancel(event) {
    this.pointers.delete(event.pointerId);
    this.stage.polygon = null;
    this.stage.request();
  }

  click(at) {
    const note = this.pick(at);
    if (note >= 0) this.app.choose(note, {tab: 'note'});
  }

  pinch(moving, at) {
    const [still] = [...this.pointers].filter(([id]) => id !== moving).map(([, pointer]) => pointer.at);
    const before = this.pointers.get(moving).at;
    const spread = point => Math.max(20, Math.hypot(point[0] - still[0], point[1] - still[1]));
    this.stage.polygon = null;
    this.camera.pan((at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
    this.stage.zoom(spread(at) / spread(before), (at[0] + still[0]) / 2, (at[1] + still[1]) / 2);
  }

  extend(start, at) {
    if (this.tool === 'box') this.stage.polygon = [start, [at[0], start[1]], at, [start[0], at[1]]];
    else this.stage.polygon.push(at);
    this.stage.request();
  }

  // The note under a pixel: a lit one if there is any.
  pick([x, y]) {
    const lit = this.camera.nearest(x, y, CLICK_REACH, this.app.lit);
    return lit >= 0 ? lit : this.camera.nearest(x, y, this.stage.radius() + 3, this.app.everything);
  }

  hover(note, at) {
    const tip = byId('tip');
    tip.hidden = note < 0;
    this.box.classList.toggle('pointing', note >= 0);
    if (at) {
      const [x, y] = [Math.min(at[0] + 14, this.camera.width - 250), Math.min(at[1] + 14, this.camera.height - 60)];
      tip.style.transform = `translate(${x}px, ${y}px)`;
    }
    if (note === this.stage.hovered) return;
    this.stage.hovered = note;
    if (note >= 0) {
      tip.textContent = this.app.describe(note);
      this.app.hovered(note);
    }
    this.stage.request();
  }

  // Keys that act while the map has the focus.
  key(event) {
    const direction = ARROWS[event.key];
    const {note} = this.app.store.state;
    const deed = {
      ' ': () => this.app.play(note), Enter: () => this.app.toggleSelected(note), 0: () => this.app.fit(),
      '+': () => this.stage.zoom(1.25), '=': () => this.stage.zoom(1.25), '-': () => this.stage.zoom(0.8),
    }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || !(direction || deed)) return;
    event.preventDefault();
    if (deed) deed();
    else if (event.shiftKey) this.stage.turnOrPan(...direction.map(part => -40 * part));
    else this.walk(note, direction);
  }

  walk(note, [dx, dy]) {
    const {camera} = this;
    const next = note < 0 ? camera.nearest(camera.width / 2, camera.height / 2, Infinity, this.app.lit)
      : camera.towards(note, dx, dy, this.app.lit);
    if (next >= 0) this.app.choose(next, {tab: 'note'});
    else this.app.say('There is no note in that direction.');
  }
}
