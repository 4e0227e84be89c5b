// Ties the parts together: one state, one sound, one map, the panels around it.
'use strict';

const ADDRESS_DELAY = 250;
const THROUGH_MILLISECONDS = 600;

class App {
  constructor() {
    this.store = new Store();
    this.everything = new Uint8Array(MAP.count).fill(1);
    this.passing = this.everything;
    this.lit = this.everything;
    this.colours = new Uint32Array(MAP.count);
    this.sound = new Sound((note, seconds) => this.voiced(note, seconds));
    this.stage = new Stage(this);
    this.input = new Input(this, this.stage);
    this.card = new Card(this);
    for (const Panel of [ColourPanel, FilterPanel, SelectionPanel, ConfusionPanel, Tabs]) new Panel(this);
    buildQualityPanel();
    this.bindHeader();
    this.bindState();
    document.addEventListener('keydown', event => this.shortcut(event));
    const about = [`${counted(MAP.n_notes, 'note')} of the ${MAP.split} split.`, ...MAP.remarks];
    byId('subtitle').textContent = about.join(' ');
  }

  bindHeader() {
    for (const button of byId('views').children) button.onclick = () => this.show(button.dataset.view);
    for (const button of byId('tools').children) button.onclick = () => this.use(button.dataset.tool);
    byId('volume').value = this.sound.volume;
    byId('volume').oninput = event => this.sound.setVolume(event.target.valueAsNumber);
    byId('hover').onchange = event => event.target.checked && !this.sound.open() && this.say(SILENCES.blocked);
    byId('zoom-in').onclick = () => this.stage.zoom(1.4);
    byId('zoom-out').onclick = () => this.stage.zoom(1 / 1.4);
    byId('zoom-fit').onclick = () => this.fit();
    byId('skip').onclick = event => {
      event.preventDefault();
      this.stage.box.focus();
    };
    this.use('move');
  }

  bindState() {
    const {store, stage} = this;
    store.subscribe([...FILTERS, 'selection'], state => {
      this.passing = passing(state);
      const selected = new Set(state.selection);
      this.lit = selected.size ? this.passing.map((passes, note) => passes && selected.has(note)) : this.passing;
      byId('n-passing').textContent = this.passingNotes().length.toLocaleString('en');
      stage.request();
    });
    store.subscribe(['colour', 'neuron', 'theme', 'loaded'], state => {
      this.colours = pointColours(state);
      stage.request();
    });
    store.subscribe(['note', 'otherInstruments'], () => stage.request());
    store.subscribe(['view'], ({view}) => {
      for (const button of byId('views').children) press(button, button.dataset.view === view);
    });
    store.subscribe(Object.keys(ADDRESS), state => {
      clearTimeout(this.writing);
      this.writing = setTimeout(() => history.replaceState(null, '', writeAddress(state)), ADDRESS_DELAY);
    });
    addEventListener('hashchange', () => this.restore());
    darkSystem.addEventListener('change', () => store.change({theme: themeName()}));
  }

  // Take up the state that the address holds.
  restore() {
    const state = readAddress(location.hash);
    this.stage.camera.show(state.view, {...this.stage.camera.home(state.view), ...state.camera});
    this.store.state = {};  // so that every listener hears of every field
    this.store.change({...state, theme: themeName()});
    this.stage.request();
  }

  // View and tools.

  show(view) {
    if (view === this.store.state.view) return;
    this.stage.camera.morph(view, performance.now());
    this.store.change({view, camera: null});
    this.stage.request();
  }

  fit() {
    this.stage.camera.show(this.store.state.view);
    this.store.change({camera: null});
    this.stage.request();
  }

  use(tool) {
    this.input.tool = tool;
    this.stage.box.dataset.tool = tool;
    for (const button of byId('tools').children) press(button, button.dataset.tool === tool);
  }

  // Notes.

  describe(note) {
    const words = [MAP.notes[note], familyOf(note)];
    if (MAP.pitch[note] >= 0) words.push(pitchName(MAP.pitch[note]));
    if (MAP.velocity[note] >= 0) words.push(`velocity ${MAP.velocity[note]}`);
    if (MAP.shortened?.includes(note)) words.push(`shortened to ${MAP.seconds} s`);
    return words.join(' · ');
  }

  // Make a note the chosen one and play it.
  choose(note, {tab, show} = {}) {
    this.through = null;
    this.store.change(tab ? {note, tab} : {note});
    this.stage.reveal(note, show);
    this.say(this.describe(note));
    this.play(note);
  }

  goTo(note) {
    this.stage.reveal(note, true);
    this.stage.ripple(note);
  }

  async play(note, options) {
    if (note < 0) return;
    const trouble = await this.sound.hear(note, options);
    if (trouble) this.say(trouble);
  }

  hovered(note) {
    if (byId('hover').checked) this.play(note, {alone: false, patience: 250});
    else this.sound.prepare(note);
  }

  voiced(note, seconds) {
    this.stage.ripple(note);
    this.card.follow(note, seconds);
  }

  hush() {
    this.through = null;
    this.sound.stop();
  }

  // Play notes one after the other, until something else is chosen.
  async playThrough(notes) {
    const turn = this.through = {};
    for (const [i, note] of notes.entries()) {
      this.store.change({note});
      this.stage.reveal(note);
      this.say(`${i + 1} of ${notes.length}: ${this.describe(note)}`);
      this.play(note);
      await new Promise(resolve => setTimeout(resolve, THROUGH_MILLISECONDS));
      if (this.through !== turn) return;
    }
  }

  // The selection.

  passingNotes() {
    return [...this.passing.keys()].filter(note => this.passing[note]);
  }

  select(selection) {
    this.through = null;
    this.store.change({selection});
  }

  selectInside(notes, add) {
    const selection = add ? [...new Set([...this.store.state.selection, ...notes])] : notes;
    this.select(selection);
    this.say(`${counted(selection.length, 'note')} selected`);
    if (!notes.length) return;
    this.store.change({tab: 'selection'});
    this.playThrough(notes);
  }

  toggleSelected(note) {
    if (note < 0) return;
    const {selection} = this.store.state;
    this.select(selection.includes(note) ? selection.filter(one => one !== note) : [...selection, note]);
    this.say(`${counted(this.store.state.selection.length, 'note')} selected`);
  }

  // Keys that act anywhere but in a field.
  shortcut(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape') return this.escape();
    if (event.target.matches('input:not([type=checkbox]):not([type=range]), select')) return;
    if (event.key in ARROWS && event.target.matches('body, button:not([role=tab], .confusion button)')) {
      return this.input.key(event);
    }
    const deed = {
      1: () => this.show('tsne_2d'), 2: () => this.show('tsne_3d'), 3: () => this.show('pca'),
      m: () => this.use('move'), l: () => this.use('lasso'), b: () => this.use('box'),
      h: () => byId('hover').click(), '/': () => byId('search').focus(),
    }[event.key.toLowerCase()];
    if (!deed) return;
    event.preventDefault();
    deed();
  }

  escape() {
    if (this.through || this.sound.voices.length) this.hush();
    else this.select([]);
  }

  say(text) {
    byId('status').textContent = text;
  }
}

const app = new App();
app.restore();
if (!MAP.activation) {
  loadScript('activation.js').then(() => app.store.change({loaded: true}), error => app.say(error.message));
}
