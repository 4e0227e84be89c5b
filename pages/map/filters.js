// The lower part of the panel on the left: which notes are lit.
'use strict';

class FilterPanel {
  constructor(app) {
    this.store = app.store;
    this.fill();
    this.store.subscribe(['count'], () => this.fill());
    byId('sources-title').textContent = MAP.sources_title;
    byId('wrong-box').hidden = !MAP.predicted || !MAP.labelled;
    for (const field of ['pitch', 'velocity']) this.range(field);
    byId('wrong').onchange = event => this.store.change({wrong: event.target.checked});
    byId('search').oninput = event => this.store.change({search: event.target.value});
    byId('search').onkeydown = event => {
      if (event.key === 'Enter') app.stage.frame(app.passingNotes());
    };
    byId('more').hidden = MAP.sources.length < 2 && byId('pitch-box').hidden && byId('velocity-box').hidden;
    byId('more').ontoggle = () => this.store.change({more: byId('more').open});
    byId('reset').onclick = () => this.store.change(Object.fromEntries(FILTERS.map(field => [field, START[field]])));
    byId('select-filtered').onclick = () => {
      app.select(app.passingNotes());
      this.store.change({tab: 'selection'});
    };
    this.store.subscribe([...FILTERS, 'more', 'colour', 'theme', 'count'], state => this.show(state));
  }

  fill() {
    this.toggles('families', MAP.families, MAP.class_index, 'hiddenFamilies');
    this.toggles('sources', MAP.sources.map(source => source || 'unknown'), MAP.source, 'hiddenSources');
    byId('sources').hidden = byId('sources-title').hidden = MAP.sources.length < 2;
  }

  toggles(id, names, column, field) {
    const counts = new Uint32Array(names.length);
    for (const one of column) counts[one]++;
    byId(id).replaceChildren(...names.map((name, i) => lineButton({
      className: 'toggle', hidden: !counts[i], title: 'click: dim or show; double click: only this',
      onclick: () => this.store.change({[field]: toggled(this.store.state[field], i)}),
      ondblclick: () => this.store.change({[field]: [...names.keys()].filter(j => j !== i)}),
    }, '', name, counts[i].toLocaleString('en'))));
  }

  range(field) {
    byId(`${field}-box`).hidden = !MAP[field].some(value => value >= 0);
    const [low, high] = [byId(`${field}-low`), byId(`${field}-high`)];
    const change = moved => {
      if (low.valueAsNumber > high.valueAsNumber) (moved === low ? high : low).value = moved.value;
      this.store.change({[field]: [low.valueAsNumber, high.valueAsNumber]});
    };
    low.oninput = () => change(low);
    high.oninput = () => change(high);
  }

  show(state) {
    this.paint('families', state.hiddenFamilies, ['family', 'predicted'].includes(state.colour) ? MAP.colours : []);
    this.paint('sources', state.hiddenSources, state.colour === 'source' ? sourceColours() : []);
    for (const field of ['pitch', 'velocity']) {
      [byId(`${field}-low`).value, byId(`${field}-high`).value] = state[field];
    }
    byId('pitch-range').value = state.pitch.map(pitchName).join(' to ');
    byId('velocity-range').value = state.velocity.join(' to ');
    byId('wrong').checked = state.wrong;
    byId('more').open = state.more;
    const used = inUse(MORE_FILTERS, state);
    byId('more-used').textContent = used ? `${used} in use` : '';
    byId('reset').hidden = !inUse(FILTERS, state);
    if (byId('search').value !== state.search) byId('search').value = state.search;
    byId('found').textContent = foundText(state);
  }

  paint(id, hidden, colours) {
    for (const [i, button] of [...byId(id).children].entries()) {
      press(button, !hidden.includes(i));
      button.firstChild.style.background = colours[i] ?? '';
    }
  }
}
