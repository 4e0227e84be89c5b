// Where each note stands on the screen: the projection in use, or on the way from one to the next, seen by a camera.
'use strict';

const VIEWS = ['tsne_2d', 'tsne_3d', 'pca'].filter(view => MAP[view]);  // of many notes, tsne.py may make none in 3-D
const FLAT = {yaw: 0, tilt: 0, perspective: 0, zoom: 1, panX: 0, panY: 0};
const DEEP = {yaw: 0.5, tilt: 0.35, perspective: 0.3, zoom: 1, panX: 0, panY: 0};
const MARGIN = 0.92;  // how much of the window the map fills
const CLOSEST = 12;  // zoom at which a single note is shown
const LARGEST = 200;  // zoom at all
const MORPH_MILLISECONDS = 1100;
const PATH_STEP = 3;  // pixels
const stillness = matchMedia('(prefers-reduced-motion: reduce)');

class Camera {
  constructor() {
    Object.assign(this, FLAT, {width: 1, height: 1, motion: null, homes: {}});
    this.makeRoom('tsne_2d');
  }

  // Make room for all points, and stand at `view`; a motion has then ended.
  makeRoom(view) {
    this.position = new Float32Array(3 * MAP.count);
    [this.x, this.y, this.depth] = [0, 1, 2].map(() => new Float32Array(MAP.count));
    this.show(view, this.motion?.toPose ?? this.pose());
  }

  // The pose from which `view` just fills the window.
  home(view) {
    return {...this.homes[[view, this.width, this.height, MAP.count]] ??= this.findHome(view)};
  }

  findHome(view) {
    const home = view === 'tsne_2d' ? FLAT : DEEP;
    const before = {...this.pose(), position: this.position};
    Object.assign(this, home, {position: MAP[view]});
    this.project();
    const [left, right, top, bottom] = [...extent(this.x), ...extent(this.y)];
    const {scale} = this;
    Object.assign(this, before);
    const zoom = MARGIN * Math.min(this.width / Math.max(right - left, 1), this.height / Math.max(bottom - top, 1));
    return {...home, zoom: Math.min(zoom, 4), panX: (this.width - left - right) / 2 / scale,
            panY: (top + bottom - this.height) / 2 / scale};
  }

  pose() {
    return Object.fromEntries(Object.keys(FLAT).map(key => [key, this[key]]));
  }

  // Stand at `view` at once.
  show(view, pose = this.home(view)) {
    this.motion = null;
    this.position.set(MAP[view]);
    Object.assign(this, pose);
  }

  // Move every point in a straight line to its place in `to`, and the camera with them; returns its pose there.
  morph(to, toPose) {
    this.motion = {start: performance.now(), from: this.position.slice(), to, fromPose: this.pose(), toPose};
    if (stillness.matches) this.step(Infinity);
    return toPose;
  }

  // Move until these notes fill the window, turned as it is; returns the pose in which the camera will stand.
  frame(notes) {
    this.step(Infinity);
    this.project();
    const nearness = notes.map(note => 1 + this.perspective * this.depth[note]);
    const along = (pixels, sign, middle, pan) => extent(notes.map(
      (note, i) => sign * (pixels[note] - middle) * nearness[i] / this.scale - pan));
    const [left, right] = along(this.x, 1, this.width / 2, this.panX);
    const [bottom, top] = along(this.y, -1, this.height / 2, this.panY);
    const zoom = MARGIN * Math.min(this.width / (right - left), this.height / (top - bottom)) * Math.min(...nearness)
      / (this.scale / this.zoom);
    return this.morph(this.position.slice(), {
      ...this.pose(), zoom: Math.min(zoom, notes.length > 1 ? LARGEST : CLOSEST),
      panX: -(left + right) / 2, panY: -(bottom + top) / 2});
  }

  // Take the next step of a motion; true while there is one.
  step(now) {
    if (!this.motion) return false;
    const {start, from, to, fromPose, toPose} = this.motion;
    const share = Math.min(1, (now - start) / MORPH_MILLISECONDS);
    const way = share * share * (3 - 2 * share);  // slow, fast, slow
    for (let i = 0; i < from.length; i++) this.position[i] = from[i] + (to[i] - from[i]) * way;
    for (const key in toPose) this[key] = fromPose[key] + (toPose[key] - fromPose[key]) * way;
    if (share === 1) this.motion = null;
    return true;
  }

  get scale() {
    return this.zoom * Math.min(this.width, this.height) * 0.46;
  }

  // Fill x, y (pixels) and depth (larger is farther) of every note.
  project() {
    const {position, x, y, depth, scale, perspective, panX, panY} = this;
    const [cosYaw, sinYaw, cosTilt, sinTilt] =
      [Math.cos(this.yaw), Math.sin(this.yaw), Math.cos(this.tilt), Math.sin(this.tilt)];
    for (let i = 0, j = 0; i < MAP.count; i++, j += 3) {
      const across = position[j] * cosYaw + position[j + 2] * sinYaw;
      const away = position[j + 2] * cosYaw - position[j] * sinYaw;
      const up = position[j + 1] * cosTilt - away * sinTilt;
      depth[i] = position[j + 1] * sinTilt + away * cosTilt;
      const near = scale / (1 + perspective * depth[i]);
      x[i] = this.width / 2 + (across + panX) * near;
      y[i] = this.height / 2 - (up + panY) * near;
    }
  }

  pan(dx, dy) {
    this.panX += dx / this.scale;
    this.panY -= dy / this.scale;
  }

  // Turn about a note, which keeps its place on the screen, or (-1) about the middle of all.
  turn(dx, dy, pivot) {
    if (pivot >= 0) this.project();
    const [x, y] = [this.x[pivot], this.y[pivot]];
    this.yaw += dx * 0.006;
    this.tilt = Math.max(-1.5, Math.min(1.5, this.tilt - dy * 0.006));
    if (pivot < 0) return;
    this.project();
    this.move(pivot, x, y);
  }

  // Move a note to a pixel, and the map with it.
  move(note, x, y) {
    const far = 1 + this.perspective * this.depth[note];
    this.pan((x - this.x[note]) * far, (y - this.y[note]) * far);
  }

  // Zoom so that what lies under the pixel (x, y) stays there.
  zoomAt(factor, x = this.width / 2, y = this.height / 2) {
    const zoom = Math.max(0.3, Math.min(LARGEST, this.zoom * factor));
    const [dx, dy] = [x - this.width / 2, y - this.height / 2];
    this.pan(-dx, -dy);
    this.zoom = zoom;
    this.pan(dx, dy);
  }

  // The nearest note to a pixel that `allowed` lets through, or -1 if none lies within `reach` pixels.
  nearest(x, y, reach, allowed) {
    return cheapest(allowed, i => (this.x[i] - x) ** 2 + (this.y[i] - y) ** 2, reach * reach);
  }

  // The notes that lie nearest to a path of pixels, each once, in its order.
  along(path, reach, allowed) {
    const notes = new Set();
    let [x, y] = path[0];
    for (const [nextX, nextY] of path) {
      const steps = Math.ceil(Math.hypot(nextX - x, nextY - y) / PATH_STEP) || 1;
      for (let i = 1; i <= steps; i++) {
        notes.add(this.nearest(x + (nextX - x) * i / steps, y + (nextY - y) * i / steps, reach, allowed));
      }
      [x, y] = [nextX, nextY];
    }
    notes.delete(-1);
    return [...notes];
  }

  // The note that an arrow key leads to: near, and at most 45 degrees off the direction (dx, dy).
  towards(from, dx, dy, allowed) {
    return cheapest(allowed, i => {
      const [right, down] = [this.x[i] - this.x[from], this.y[i] - this.y[from]];
      const along = right * dx + down * dy;
      const aside = Math.abs(right * dy) + Math.abs(down * dx);
      return along > 0 && aside <= along ? along + 2 * aside : Infinity;
    });
  }

  // Notes inside a polygon of pixels [[x, y], ...] (even-odd rule).
  inside(polygon, allowed) {
    return [...allowed.keys()].filter(i => allowed[i] && contains(polygon, this.x[i], this.y[i]));
  }
}

// The note of the least cost below `limit` that `allowed` lets through, or -1.
function cheapest(allowed, costOf, limit = Infinity) {
  let [best, least] = [-1, limit];
  for (let i = 0; i < MAP.count; i++) {
    const cost = allowed[i] ? costOf(i) : Infinity;
    if (cost < least) [best, least] = [i, cost];
  }
  return best;
}

function contains(polygon, x, y) {
  let within = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [[xi, yi], [xj, yj]] = [polygon[i], polygon[j]];
    if (yi > y !== yj > y && x < (xj - xi) * (y - yi) / (yj - yi) + xi) within = !within;
  }
  return within;
}
