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
    this[field] = names.map((name, i) => {
      const button = element('button', {className: 'toggle', hidden: !counts[i]}, swatch(''),
                             element('span', {className: 'name'}, name),
                             element('span', {className: 'count'}, counts[i].toLocaleString('en')));
      button.onclick = () => {
        const hidden = this.store.state[field];
        this.store.change({[field]: hidden.includes(i) ? hidden.filter(one => one !== i) : [...hidden, i]});
      };
      button.ondblclick = () => this.store.change({[field]: names.map((_, j) => j).filter(j => j !== i)});
      button.title = 'click: dim or show; double click: only this';
      return button;
    });
    byId(id).replaceChildren(...this[field]);
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
    const byFamily = state.colour === 'family' || state.colour === 'predicted';
    this.paint(this.hiddenFamilies, state.hiddenFamilies, byFamily ? MAP.colours : null);
    this.paint(this.hiddenSources, state.hiddenSources, state.colour === 'source' ? COLOURINGS.source.colours() : null);
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

  paint(buttons, hidden, colours) {
    for (const [i, button] of buttons.entries()) {
      press(button, !hidden.includes(i));
      button.firstChild.style.background = colours ? colours[i] : '';
    }
  }
}
