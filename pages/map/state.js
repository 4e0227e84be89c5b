// What the reader has chosen, who wants to know about it, and which notes it lets through.
'use strict';

const START = {
  view: 'tsne_2d', colour: 'family', neuron: 0, note: -1, selection: [], hiddenFamilies: [], hiddenSources: [],
  pitch: [0, 127], velocity: [0, 127], wrong: false, search: '', tab: 'note', otherInstruments: false,
  more: !MAP.labelled, camera: null,
};
const MORE_FILTERS = ['hiddenSources', 'pitch', 'velocity'];  // folded away at first
const FILTERS = ['hiddenFamilies', 'wrong', 'search', ...MORE_FILTERS];

class Store {
  constructor() {
    this.state = {...START};
    this.listeners = [];
  }

  // Call `listener(state)` after every change of one of the fields.
  subscribe(fields, listener) {
    this.listeners.push({fields, listener});
  }

  change(patch) {
    const changed = Object.keys(patch).filter(field => patch[field] !== this.state[field]);
    Object.assign(this.state, patch);
    keepingFocus(() => {
      for (const {fields, listener} of this.listeners) {
        if (fields.some(field => changed.includes(field))) listener(this.state);
      }
    });
  }
}

// A list with a value taken out or, where it is not in it, added.
function toggled(list, value) {
  return list.includes(value) ? list.filter(one => one !== value) : [...list, value];
}

// How many of these filters are in use.
function inUse(filters, state) {
  return filters.filter(field => String(state[field]) !== String(START[field])).length;
}

// 1 per note that passes the filters.
function passing(state) {
  const finders = wordsOf(state.search).map(finder);
  const [families, sources] = [new Set(state.hiddenFamilies), new Set(state.hiddenSources)];
  return Uint8Array.from(MAP.notes, (_, note) =>
    !families.has(MAP.class_index[note]) && !sources.has(MAP.source[note])
    && within(MAP.pitch[note], state.pitch) && within(MAP.velocity[note], state.velocity)
    && !(state.wrong && MAP.predicted && !isWrong(note))
    && finders.every(has => has(note)));
}

// An unknown value (-1) passes only while the range is left open.
function within(value, [low, high]) {
  return value >= low && value <= high || (value < 0 && low === 0 && high === 127);
}
