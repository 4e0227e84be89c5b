// Turns mouse, touch and keys over the map into deeds of the app.
'use strict';

const CLICK_REACH = 18;  // pixels around the pointer in which a note is meant
const PASS_REACH = 12;   // and around a drag that plays what it passes
const STAY_REACH = 1.5;  // pixels that another note must be nearer, so that stacked notes do not take turns
const SLIP = 20;         // pixels: so small a box around nothing was meant as a click
const DRAG_START = 4;
const ARROWS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

class Input {
  constructor(app, stage) {
    const {box, camera} = stage;
    Object.assign(this, {app, stage, camera, box, tool: 'move', pointers: new Map()});
    this.at = null;  // where the pointer hovers
    for (const deed of ['down', 'move', 'up', 'cancel', 'leave']) box[`onpointer${deed}`] = event => this[deed](event);
    box.onkeydown = event => this.key(event);
    box.addEventListener('wheel', event => this.wheel(event), {passive: false});
  }

  place(event) {
    const box = this.box.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  wheel(event) {
    event.preventDefault();
    // The pinch of a trackpad comes as a wheel with Ctrl, 100 for each factor e of the fingers; a real wheel sends 120.
    const pinched = Math.max(-30, Math.min(30, event.deltaY)) * 0.01;
    const factor = event.ctrlKey ? pinched : event.deltaY * (event.deltaMode ? 0.05 : 0.0015);
    this.stage.zoom(Math.exp(-factor), ...this.place(event));
  }

  // A note sounds as soon as it is pressed, and its card comes if the press was no drag. Only a tool that draws waits,
  // and a browser that grants the first touch no sound before the finger is lifted.
  down(event) {
    if (event.button !== 0) return;
    this.box.setPointerCapture(event.pointerId);
    const at = this.place(event);
    const pointer = {start: at, at, dragged: false, waits: !this.pointers.size, note: -1, plays: false};
    this.pointers.set(event.pointerId, pointer);
    if (this.pointers.size > 1) this.stage.polygon = null;
    else if (['path', 'lasso', 'box'].includes(this.tool)) this.stage.polygon = [at];
    else if (this.app.sound.open()) this.press(pointer, event.pointerType !== 'mouse');
  }

  // The tool Play plays whatever the drag passes; so does a finger that was put on a note.
  press(pointer, isFinger) {
    const {camera, app} = this;
    pointer.waits = false;
    pointer.note = this.pick(pointer.at);
    if (pointer.note >= 0) app.pass(pointer.note, this.tool === 'play');
    pointer.plays = this.tool === 'play' || isFinger && camera.nearest(...pointer.at, PASS_REACH, app.lit) >= 0;
  }

  move(event) {
    const at = this.place(event);
    const pointer = this.pointers.get(event.pointerId);
    if (!pointer) return event.pointerType === 'touch' || this.hover(this.pick(at), at);
    if (!pointer.dragged && apart(at, pointer.start) > DRAG_START) {
      pointer.dragged = true;
      this.leave();
    }
    if (pointer.dragged) this.drag(event, pointer, at);
    pointer.at = at;
  }

  drag(event, pointer, at) {
    if (this.pointers.size === 2) this.pinch(event.pointerId, at);
    else if (this.stage.polygon) this.extend(pointer.start, at);
    else if (pointer.plays) this.pass(pointer, at);
    else this.stage.turnOrPan(at[0] - pointer.at[0], at[1] - pointer.at[1], event.shiftKey);
  }

  pass(pointer, at) {
    for (const note of this.camera.along([pointer.at, at], PASS_REACH, this.app.lit)) {
      if (note !== pointer.note) this.app.pass(note, true);
      pointer.note = note;
    }
    this.stage.request();
  }

  up(event) {
    const pointer = this.pointers.get(event.pointerId);
    const {polygon} = this.stage;
    this.cancel(event);
    if (!pointer) return;
    if (event.pointerType === 'mouse') this.at = pointer.at;
    if (pointer.waits && !pointer.dragged) this.app.choose(this.pick(pointer.at), {tab: 'note'});
    else if (pointer.plays || !pointer.dragged) this.app.choosePlayed(pointer.note);
    else if (polygon && this.tool === 'path') this.app.playPath(polygon);
    else if (polygon) this.enclose(polygon, event.shiftKey);
  }

  enclose(polygon, add) {
    const notes = this.camera.inside(polygon, this.app.passing);
    const [[left, right], [top, bottom]] = [0, 1].map(axis => extent(polygon.map(point => point[axis])));
    const isSlip = !notes.length && Math.max(right - left, bottom - top) < SLIP;
    if (isSlip) this.app.say('There is no note in there. The selection stays as it is.');
    else this.app.selectInside(notes, add);
  }

  cancel(event) {
    this.pointers.delete(event.pointerId);
    this.stage.polygon = null;
    this.stage.request();
  }

  // Forget a drag; true if there was one.
  cancelDrag() {
    const dragged = [...this.pointers.values()].some(pointer => pointer.dragged);
    for (const pointerId of this.pointers.keys()) this.cancel({pointerId});
    return dragged;
  }

  pinch(moving, at) {
    const before = this.pointers.get(moving).at;
    const [, {at: still}] = [...this.pointers].find(([id]) => id !== moving);
    const spread = point => Math.max(20, apart(point, still));
    this.camera.pan((at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
    this.stage.zoom(spread(at) / spread(before), (at[0] + still[0]) / 2, (at[1] + still[1]) / 2);
  }

  extend(start, at) {
    if (this.tool === 'box') this.stage.polygon = [start, [at[0], start[1]], at, [start[0], at[1]]];
    else this.stage.polygon.push(at);
    this.stage.request();
  }

  // The note under a pixel: a lit one if there is any, and the one it was before unless another is clearly nearer.
  pick([x, y]) {
    const {camera, app, stage: {hovered}} = this;
    const distance = note => apart([camera.x[note], camera.y[note]], [x, y]);
    const lit = camera.nearest(x, y, CLICK_REACH, app.lit);
    if (lit < 0) return camera.nearest(x, y, this.stage.radius() + 3, app.passing);
    return app.lit[hovered] && distance(hovered) < distance(lit) + STAY_REACH ? hovered : lit;
  }

  // Under a pointer at rest, the map has moved or the filters have changed.
  look() {
    if (this.at && !this.pointers.size) this.hover(this.camera.motion ? -1 : this.pick(this.at), this.at, true);
  }

  leave() {
    this.at = null;
    this.hover(-1);
  }

  hover(note, at = null, quiet = false) {
    const tip = byId('tip');
    this.at = at;
    tip.hidden = note < 0;
    this.box.classList.toggle('pointing', note >= 0);
    if (at) {
      const [x, y] = [Math.min(at[0] + 14, this.camera.width - 250), Math.min(at[1] + 14, this.camera.height - 60)];
      tip.style.transform = `translate(${x}px, ${y}px)`;
    }
    if (note === this.stage.hovered) return;
    this.stage.hovered = note;
    if (note >= 0) tip.textContent = this.app.describe(note);
    this.app.playing.touch(note, quiet);
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

function apart(a, b) {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}
