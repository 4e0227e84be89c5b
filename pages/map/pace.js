// Which share of many notes is drawn while the map moves: all of them, unless the browser draws too slowly then.
'use strict';

const FRAME_MILLISECONDS = 1000 / 30;
const SAME = 0.1;  // a frame this share longer or shorter is no slower or quicker: displays round frames to their own
const LEAST_SHARE = 0.1;
const GOLDEN = 0x9e3779b9;  // 2^32 times the golden section: spreads the notes evenly, and is faster than a remainder
const STILL_MILLISECONDS = 200;  // without a move, after which all notes are drawn again

class Pace {
  constructor() {
    Object.assign(this, {share: 1, whenMoving: 1, settling: 0});
  }

  // Set the share for a frame of a move, whose first shows all, for it may be a single jump; `settled` is called when
  // the move has ended.
  move(now, settled) {
    if (MAP.count <= MANY_NOTES) return;
    if (this.settling) {
      clearTimeout(this.settling);
      this.share = this.whenMoving;
      requestAnimationFrame(later => this.adapt(later - now));
    }
    this.settling = setTimeout(() => {
      this.settling = 0;
      if (this.share === 1) return;
      this.share = 1;
      settled();
    }, STILL_MILLISECONDS);
  }

  // A frame took so many milliseconds: draw the fewer notes the slower it was, and more again where it was quick.
  adapt(took) {
    if (Math.abs(took / FRAME_MILLISECONDS - 1) < SAME) return;
    const factor = Math.max(0.6, Math.min(1.05, Math.sqrt(FRAME_MILLISECONDS / took)));
    this.whenMoving = Math.max(LEAST_SHARE, Math.min(1, this.whenMoving * factor));
  }

  // Whether a note is among those that are drawn: as many of any part of the list, and always the same.
  draws(note) {
    return Math.imul(note, GOLDEN) >>> 0 < this.share * 2 ** 32;
  }
}
