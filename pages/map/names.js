// Puts the family names beside their clusters, where they cover the fewest notes.
'use strict';

const CELL = 4;  // pixels of the grid in which notes are counted
const GAPS = [4, 10, 18, 28, 40, 54, 70, 90, 115];  // pixels between a name and its anchor
const DIRECTIONS = 16;
const PIXELS_FOR_A_NOTE = 12;  // how much farther a name goes to cover one note of 1,000 less

// Counts the notes that stand in any rectangle of the window, from sums over a grid (Crow 1984).
class Crowd {
  constructor({x, y, width, height}, counted) {
    const columns = this.columns = Math.ceil(width / CELL) + 1;
    const rows = this.rows = Math.ceil(height / CELL) + 1;
    this.sums = new Uint32Array(columns * rows);
    for (let i = 0; i < x.length; i++) {
      if (!counted[i] || x[i] < 0 || y[i] < 0 || x[i] >= width || y[i] >= height) continue;
      this.sums[(Math.floor(y[i] / CELL) + 1) * columns + Math.floor(x[i] / CELL) + 1]++;
    }
    for (let i = columns; i < this.sums.length; i++) {
      if (i % columns) this.sums[i] += this.sums[i - 1] + this.sums[i - columns] - this.sums[i - columns - 1];
    }
  }

  within(left, top, right, bottom) {
    const at = (x, y) => this.sums[Math.max(0, Math.min(this.rows - 1, Math.round(y / CELL))) * this.columns
      + Math.max(0, Math.min(this.columns - 1, Math.round(x / CELL)))];
    return at(right, bottom) - at(left, bottom) - at(right, top) + at(left, top);
  }
}

// Where the names go: [{text, family, anchor, half, x, y}] with x, y the middle and half the half width. A name stays
// on the side in `sides` (by its anchor) unless another is clearly better, so that it does not jump as the map moves.
function placeNames(names, camera, lit, size, radius, sides) {
  const crowd = new Crowd(camera, lit);
  const [high, weight] = [size / 2 + 1, PIXELS_FOR_A_NOTE * Math.min(1, 1000 / MAP.count)];
  const placed = [];
  for (const name of names) {
    const {half, anchor} = name;
    let best = null;
    for (let side = 0; side < GAPS.length * DIRECTIONS; side++) {
      const [gap, angle] = [GAPS[Math.floor(side / DIRECTIONS)], side % DIRECTIONS / DIRECTIONS * 2 * Math.PI];
      const x = camera.x[anchor] + Math.cos(angle) * (radius + gap + half);
      const y = camera.y[anchor] + Math.sin(angle) * (radius + gap + high);
      if (x < half || y < high || x > camera.width - half || y > camera.height - high) continue;
      if (placed.some(one => Math.abs(one.x - x) < one.half + half && Math.abs(one.y - y) < 2 * high)) continue;
      const covered = crowd.within(x - half - radius, y - high - radius, x + half + radius, y + high + radius);
      const cost = covered * weight + gap - (sides.get(anchor) === side ? 2 * weight : 0);
      if (!best || cost < best.cost) best = {...name, x, y, side, cost};
    }
    if (!best) continue;
    sides.set(anchor, best.side);
    placed.push(best);
  }
  return placed;
}
