// Which share of many notes is drawn while the map moves: all of them, unless the browser draws too slowly then.
'use strict';

const FRAME = 33;  // milliseconds: 30 frames a second
const LEAST_SHARE = 0.1;
const STILL = 200;  // milliseconds without a move after which all notes are drawn again

class Pace {
  constructor() {
    Object.assign(this, {share: 1, whenMoving: 1, timer: 0});
  }

  // Set the share for a frame of a move; `settled` is called when the move has ended.
  move(now, settled) {
    if (MAP.count <= MANY_NOTES) return;
    this.share = this.whenMoving;
    requestAnimationFrame(later => this.adapt(later - now));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.share === 1) return;
      this.share = 1;
      settled();
    }, STILL);
  }

  // A frame took so many milliseconds: draw the fewer notes the slower it was, and more again where it was quick.
  adapt(took) {
    const factor = Math.max(0.6, Math.min(1.05, Math.sqrt(FRAME / took)));
    this.whenMoving = Math.max(LEAST_SHARE, Math.min(1, this.whenMoving * factor));
  }

  // Whether a note is among those that are drawn: as many of any part of the list, and always the same.
  draws(note) {
    return this.share === 1 || note * 0.618034 % 1 < this.share;
  }
}
