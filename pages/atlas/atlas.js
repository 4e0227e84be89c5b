// Ties the atlas together: one choice, one sound, a grid of units and the panel of the chosen one.
'use strict';

class Atlas {
  constructor() {
    this.choice = {...CHOICE};
    this.sound = new Sound(() => {});
    this.painter = new IntersectionObserver(entries => this.paint(entries), {rootMargin: '300px'});
    this.bind();
    addEventListener('hashchange', () => this.restore());
    byId('subtitle').textContent = `${counted(MAP.units.length, 'unit')}: the dreams of each, and the notes of `
      + `the ${MAP.split} split that excite it most.`;
  }

  bind() {
    byId('layers').append(...['', ...MAP.layers].map(layer => element(
      'button', {value: layer, onclick: () => this.choose({layer})}, layer || 'all')));
    byId('kind').onclick = () => this.choose({kind: this.choice.kind === 'note' ? 'texture' : 'note'});
    byId('family').append(...MAP.labels.map((label, i) => new Option(label, i)));
    for (const id of ['sort', 'family', 'least', 'dead']) {
      byId(id).oninput = event => this.choose({[id]: event.target.value});
    }
    byId('volume').value = this.sound.volume;
    byId('volume').oninput = event => this.sound.setVolume(event.target.valueAsNumber);
    byId('shared-colours').textContent = sharedColours(MAP.labels, MAP.colours);
    byId('map-link').hidden = !MAP.map_page;
    byId('map-link').href = MAP.map_page;
    document.addEventListener('keydown', event => event.key === 'Escape' ? this.sound.stop() : this.press(event));
  }

  // Make the cards of all units anew, with their dreams of the chosen kind.
  makeCards() {
    this.painter.disconnect();
    this.cards = new Map(MAP.units.map(unit => [unit.id, this.card(unit)]));
    for (const [id, card] of this.cards) {
      press(card, id === this.choice.unit);
      this.painter.observe(card);
    }
    byId('kind').textContent = this.choice.kind === 'note' ? 'Show textures' : 'Show notes';
  }

  card(unit) {
    const className = unit.dead ? 'unit dead' : 'unit';
    const title = `prefers ${MAP.labels[unit.family]}`;
    return element('button', {className, title, id: `card-${unit.id}`, onclick: () => this.open(unit)},
      element('canvas', {...SPECTRUM_SIZE, 'aria-hidden': 'true'}),
      element('span', {}, swatch(MAP.colours[unit.family]), unit.title),
      element('span', {}, timesText(unit, this.choice.kind)));
  }

  // Draw the spectra of the cards that come into view.
  paint(entries) {
    for (const {target, isIntersecting} of entries) {
      if (!isIntersecting) continue;
      this.painter.unobserve(target);
      const {dreams} = UNITS.get(target.id.slice('card-'.length));
      drawSpectrum(target.firstChild, dreams[this.choice.kind].row).catch(() => {});
    }
  }

  open(unit) {
    this.choose({unit: unit.id});
    this.play(unit.dreams[this.choice.kind].row);
  }

  // A key of the computer keyboard plays the instrument of the chosen unit.
  press({key, repeat, ctrlKey, metaKey, altKey, target}) {
    const keys = UNITS.get(this.choice.unit)?.keys ?? [];
    if (!keys.length || repeat || ctrlKey || metaKey || altKey || target.matches('input, select')) return;
    if (key in OCTAVE_KEYS) this.octave = Math.min(9, Math.max(0, this.octave + OCTAVE_KEYS[key]));
    const heard = pianoKey(keys, key, this.octave);
    if (heard) this.play(heard.row, {alone: false, rate: heard.rate});
  }

  async play(row, options) {
    byId('status').textContent = await this.sound.hear(row, options) || MAP.notes[row];
  }

  choose(patch) {
    const before = this.choice;
    this.choice = {...before, ...patch};
    history.replaceState(null, '', writeChoice(this.choice));
    const kindChanged = this.choice.kind !== before.kind;
    if (kindChanged) this.makeCards();
    this.show(Object.keys(patch).some(key => key !== 'unit'), kindChanged || this.choice.unit !== before.unit);
  }

  // Take up the choice that the address holds.
  restore() {
    this.choice = readChoice(location.hash);
    this.makeCards();
    this.show(true, true);
    this.cards.get(this.choice.unit)?.scrollIntoView({block: 'center'});
  }

  show(gridChanged, unitChanged) {
    if (gridChanged) this.showGrid();
    if (!unitChanged) return;
    for (const [id, card] of this.cards) press(card, id === this.choice.unit);
    const unit = UNITS.get(this.choice.unit);
    if (unit?.keys.length) this.octave = startOctave(unit.keys);
    byId('unit').replaceChildren(...unit ? unitPanel(unit, this.choice.kind, row => this.play(row))
      : [element('p', {}, 'Click a picture to hear the dream of that unit and to see which real notes '
        + 'excite it most.')]);
  }

  showGrid() {
    for (const id of ['sort', 'family', 'least', 'dead']) byId(id).value = this.choice[id];
    byId('least-text').textContent = Number(this.choice.least).toFixed(2);
    for (const button of byId('layers').children) press(button, button.value === this.choice.layer);
    const shown = shownUnits(this.choice);
    byId('units').replaceChildren(...shown.map(unit => this.cards.get(unit.id)));
    if (!shown.length) byId('units').append(element('p', {className: 'none'}, 'No unit passes these filters.'));
  }
}

const atlas = new Atlas();
atlas.restore();
