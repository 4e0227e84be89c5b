// Sorts the notes that are drawn by a key from 0 to 1 (first drawn: 0) in linear time.
'use strict';

class DrawingOrder {
  constructor(count) {
    this.bucket = new Uint16Array(count);
    this.order = new Uint32Array(count);
  }

  sort(key, isDrawn) {
    const starts = new Uint32Array(1026);
    for (let i = 0; i < this.bucket.length; i++) {
      this.bucket[i] = isDrawn(i) ? Math.max(0, Math.min(1023, key(i) * 1024)) : 1024;
      starts[this.bucket[i] + 1]++;
    }
    for (let i = 1; i < starts.length; i++) starts[i] += starts[i - 1];
    const drawn = starts[1024];
    for (let i = 0; i < this.bucket.length; i++) this.order[starts[this.bucket[i]]++] = i;
    return this.order.subarray(0, drawn);
  }
}
