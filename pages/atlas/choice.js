// What the reader has chosen to see, how it is written into the address, and which units it lets through.
'use strict';

const UNITS = new Map(MAP.units.map(unit => [unit.id, unit]));
const CHOICE = {kind: 'note', layer: '', sort: 'number', family: '', least: '0', dead: '', unit: ''};

const ALLOWED = {
  kind: text => ['note', 'texture'].includes(text),
  layer: text => ['', ...MAP.layers].includes(text),
  sort: text => text in ORDERS,
  family: text => text === '' || text in MAP.labels,
  least: text => Number(text) >= 0 && Number(text) <= 0.95,
  dead: text => ['', 'hide', 'only'].includes(text),
  unit: text => text === '' || UNITS.has(text),
};

const ORDERS = {
  number: () => 0,
  selectivity: (a, b) => b.selectivity - a.selectivity,
  family: (a, b) => a.family - b.family || b.selectivity - a.selectivity,
  times: (a, b, kind) => times(b, kind) - times(a, kind),
};

function times(unit, kind) {
  return unit.dreams[kind].read_back.times_strongest_note ?? Infinity;
}

// The choice that an address holds; what it does not allow, as at the start.
function readChoice(hash) {
  const words = new URLSearchParams(hash.slice(1));
  return Object.fromEntries(Object.entries(CHOICE).map(
    ([key, start]) => [key, words.has(key) && ALLOWED[key](words.get(key)) ? words.get(key) : start]));
}

function writeChoice(choice) {
  return '#' + new URLSearchParams(Object.entries(choice).filter(([key, value]) => value !== CHOICE[key]));
}

function shownUnits({kind, layer, sort, family, least, dead}) {
  return MAP.units.filter(unit =>
    (!layer || unit.layer === layer) && (family === '' || unit.family === Number(family))
    && unit.selectivity >= Number(least) && (!dead || unit.dead === (dead === 'only'))).sort((a, b) => ORDERS[sort](a, b, kind));
}
