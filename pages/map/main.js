// Ties the parts together: one state, one sound, one map, the panels around it.
'use strict';

const ADDRESS_DELAY = 250;

class App {
  constructor() {
    this.store = new Store();
    this.playing = new Playing(this);
    this.sound = this.playing.sound;
    this.stage = new Stage(this);
    this.input = new Input(this, this.stage);
    this.compare = new Compare(this);
    this.card = new Card(this);
    if (MAP.count <= MANY_NOTES) this.readActivation();
    for (const Part of [ColourPanel, FilterPanel, SelectionPanel, SelectionHistory, ConfusionPanel, Tabs, OwnSounds]) {
      new Part(this);
    }
    buildClustersPanel(this);
    fillQualityPanel();
    this.bindHeader();
    this.bindState();
    document.addEventListener('keydown', event => this.shortcut(event));
    const about = MAP.labelled ? `${counted(MAP.n_notes, 'note')} of the ${MAP.split} split.`
      : `${counted(MAP.n_notes, 'sound')} of ${MAP.split}.`;
    byId('subtitle').textContent = [about, ...MAP.remarks].join(' ');
  }

  // Of many notes, the activations are read when they are first needed: 100,000 take 34 MB.
  readActivation() {
    return this.activationRead ||= MAP.activation ? Promise.resolve() : loadScript('activation.js').then(
      () => this.store.change({loaded: true}), error => this.say(error.message));
  }

  bindHeader() {
    for (const button of byId('views').children) button.onclick = () => this.show(button.dataset.view);
    for (const button of byId('views').children) button.hidden = !VIEWS.includes(button.dataset.view);
    for (const button of byId('tools').children) button.onclick = () => this.use(button.dataset.tool);
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
    store.subscribe(['count'], () => stage.makeRoom());
    store.subscribe([...FILTERS, 'selection', 'count'], state => {
      this.passing = passing(state);
      const selected = new Set(state.selection);
      this.lit = selected.size ? this.passing.map((passes, note) => passes && selected.has(note)) : this.passing;
      byId('n-passing').textContent = this.passingNotes().length.toLocaleString('en');
      stage.request();
    });
    store.subscribe(['colour', 'neuron', 'theme', 'loaded', 'count'], state => {
      this.colours = pointColours(state);
      stage.request();
    });
    store.subscribe(['colour', 'note'], ({colour, note}) =>
      (colour === 'neuron' || note >= 0) && this.readActivation());
    store.subscribe(['note', 'otherInstruments'], () => stage.request());
    store.subscribe(['view'], ({view}) => pressOne(byId('views').children, button => button.dataset.view === view));
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
    if (view === this.store.state.view || !VIEWS.includes(view)) return;
    this.stage.camera.morph(MAP[view], this.stage.camera.home(view));
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
    pressOne(byId('tools').children, button => button.dataset.tool === tool);
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
    if (note < 0) return;
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

  async play(note, quick) {
    if (note >= 0) this.say(await this.playing.play(note, quick));
  }

  // Play a note that is pressed, or passed by a drag.
  pass(note, quick) {
    this.through = null;
    this.stage.hovered = note;
    this.say(this.describe(note));
    this.play(note, quick);
  }

  choosePlayed(note) {
    if (note >= 0) this.store.change({note, tab: 'note'});
  }

  voiced(note, seconds, loop) {
    this.stage.ripple(note);
    this.card.follow(note, seconds, loop);
  }

  hush() {
    this.through = null;
    this.sound.stop();
  }

  // Play notes one after the other, until something else is chosen; `total` is of how many they are a part.
  playThrough(notes, total = notes.length) {
    const part = notes.length < total ? ` (${notes.length} of ${total.toLocaleString('en')})` : '';
    return this.playRow(notes, (note, i) => {
      this.store.change({note});
      this.stage.reveal(note);
      this.say(`${i + 1} of ${notes.length}${part}: ${this.describe(note)}`);
    });
  }

  async playRow(notes, onStep) {
    this.sound.stop();
    const turn = this.through = {};
    this.say(await this.playing.row(notes, () => this.through === turn, onStep));
    if (this.through === turn) this.through = null;
  }

  // Play the notes along a path that was drawn, each once.
  playPath(path) {
    const notes = this.stage.camera.along(path, PASS_REACH, this.lit);
    if (!notes.length) return this.say('No note lies along that path.');
    this.playRow(notes, (note, i) => this.say(`Path, ${i + 1} of ${notes.length}: ${this.describe(note)}`));
  }

  // The selection.

  passingNotes() {
    return [...this.passing.keys()].filter(note => this.passing[note]);
  }

  select(selection) {
    this.through = null;
    this.store.change({selection});
    this.say(`${counted(selection.length, 'note')} selected`);
  }

  selectInside(notes, add) {
    this.select(add ? [...new Set([...this.store.state.selection, ...notes])] : notes);
    if (!notes.length) return;
    this.store.change({tab: 'selection'});
    this.playThrough(fewOf(notes, MAX_HEARD), notes.length);
  }

  toggleSelected(note) {
    if (note >= 0) this.select(toggled(this.store.state.selection, note));
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
      m: () => this.use('move'), p: () => this.use('play'), t: () => this.use('path'),
      l: () => this.use('lasso'), b: () => this.use('box'), z: () => byId('zoom-selection').click(),
      o: () => this.card.walkOn(this.store.state.note), a: () => this.compare.hold(this.store.state.note),
      x: () => this.compare.play(), h: () => byId('hover').click(), '/': () => byId('search').focus(),
    }[event.key.toLowerCase()];
    if (!deed) return;
    event.preventDefault();
    deed();
  }

  escape() {
    if (this.input.cancelDrag()) this.say('The drag is cancelled.');
    else if (this.through || this.sound.voices.length) this.hush();
    else if (this.store.state.selection.length) this.select([]);
  }

  // Tell the reader something; '' leaves what was said last.
  say(text) {
    if (text) byId('status').textContent = text;
  }
}

const app = new App();
app.restore();
