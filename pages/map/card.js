// The card of the chosen note: what it is, what the network says, why it stands where it stands.
'use strict';

const INSTRUMENT = MAP.labelled ? 'instrument' : 'folder';  // what the instruments of MAP are

class Card {
  constructor(app) {
    this.app = app;
    this.nearest = element('div', {className: 'neighbours'});
    this.walked = [];  // the notes of a walk through other instruments
    app.store.subscribe(['note', 'loaded', 'theme'], state => this.show(state));
    app.store.subscribe(['otherInstruments'], state => this.fillNearest(state));
  }

  show(state) {
    const [{note}, panel] = [state, byId('panel-note')];
    this.fillNearest(state);
    if (note < 0) {
      panel.replaceChildren(element('p', {}, 'Choose a note in the map: here you see why it stands there.'));
      return;
    }
    panel.replaceChildren(this.head(note), this.picture(note), this.facts(note),
                          ...this.prediction(note), ...this.neurons(note), ...this.neighbours(note));
    if (this.voice) this.follow(...this.voice);
  }

  head(note) {
    const button = (id, text, onclick, more) => element('button', {id, onclick, ...more}, text);
    return element('div', {}, element('h2', {className: 'note-name'}, MAP.notes[note]), ...this.remarks(note),
      element('div', {className: 'row'},
              button('play', '▶ Play', () => this.app.play(note), {className: 'play', disabled: !MAP.has_sound[note]}),
              button('show-on-map', 'Show on the map', () => this.app.goTo(note)),
              button('hold', 'Hold as A', () => this.app.compare.hold(note),
                     {title: 'key A', 'aria-pressed': this.app.compare.a === note}),
              originalUrl(note) ? button('copy-path', 'Copy path', () => this.copyPath(note)) : ''));
  }

  async copyPath(note) {
    await copyText(originalPath(note));
    this.app.say(`Copied: ${originalPath(note)}`);
  }

  remarks(note) {
    return [
      [isAdded(note), 'hint', 'This is a sound of yours. Its place among its nearest notes in fc2 space is approximate: '
        + 'the notes keep theirs.'],
      [MAP.out_of_distribution[note], 'warning', 'Out of distribution: to the network, this sound is like sounds of '
        + 'no label, more so than almost all of the valid notes. The prediction means little.'],
      [!MAP.has_sound[note], 'warning', SILENCES.silent],
    ].filter(([holds]) => holds).map(([, className, text]) => element('p', {className}, text));
  }

  picture(note) {
    const canvas = spectrumCanvas();
    this.playhead = element('div', {className: 'playhead'});
    const caption = element('figcaption', {className: 'ends'}, element('span', {}, '0 s'),
                            element('span', {}, 'spectrum, 47 Hz to 8 kHz'), element('span', {}, '4 s'));
    const figure = element('figure', {className: 'spectrum'},
                           element('div', {className: 'frame'}, canvas, this.playhead), caption);
    drawSpectrum(canvas, note).then(drawn => drawn || figure.remove(), () => figure.remove());
    return figure;
  }

  // Let a line run across the spectrum while the note sounds.
  follow(note, seconds, loop, start = performance.now()) {
    this.voice = [note, seconds, loop, start];
    if (note !== this.app.store.state.note || stillness.matches) return;
    const end = Math.min(1, seconds / 4);
    this.line = this.playhead.animate([{left: 0, opacity: 1}, {left: `${100 * end}%`, opacity: 1}],
                                      {duration: 1000 * seconds, iterations: loop ? Infinity : 1});
    this.line.currentTime = performance.now() - start;
  }

  // The note has ended.
  still(note) {
    if (this.voice?.[0] !== note) return;
    this.voice = null;
    this.line?.cancel();
  }

  facts(note) {
    const rows = [['family', element('span', {}, swatch(colourOf(note)), familyOf(note))],
                  [SOURCE, MAP.sources[MAP.source[note]] || 'unknown'],
                  ['pitch', MAP.pitch[note] < 0 ? 'unknown' : `${pitchName(MAP.pitch[note])} (${MAP.pitch[note]})`],
                  ['velocity', known(MAP.velocity[note], 'unknown')]];
    return element('dl', {className: 'facts'}, ...rows.map(
      ([term, value]) => element('div', {}, element('dt', {}, term), element('dd', {}, value))));
  }

  prediction(note) {
    if (!MAP.predicted) return [];
    const taken = `taken for ${MAP.labels[MAP.predicted[note]]}`;
    const [className, verdict] = !MAP.labelled ? ['', ''] : isAdded(note) ? ['', taken]
      : isWrong(note) ? ['wrong', `wrong: ${taken}`] : ['right', 'right'];
    const families = largestFirst(MAP.labels.length, family => probability(note, family))
      .filter((family, rank) => rank < 5 || family === MAP.class_index[note]);
    return [element('h3', {}, 'Prediction ', element('span', {className}, verdict)),
            ...families.map(family => bar(MAP.labels[family], probability(note, family),
                                          percent(probability(note, family)), MAP.colours[family]))];
  }

  neurons(note) {
    if (!MAP.activation) return [];
    const strongest = Array.from(rowOf('strongest', note), neuron => [neuron, activationOf(note, neuron)])
      .filter(([, value]) => value > 0);
    const [, largest] = extent(strongest.map(([, value]) => value));
    return [element('h3', {}, 'Strongest neurons of fc2'), ...strongest.map(([neuron, value]) => neuronButton(
      this.app.store, neuron, 'line neuron', bar(`neuron ${neuron}`, value / largest, value.toPrecision(3))))];
  }

  neighbours(note) {
    if (!neighboursOf(note).length) return [];
    const {store} = this.app;
    const checkbox = element('input', {type: 'checkbox', checked: store.state.otherInstruments,
                                       onchange: ({target}) => store.change({otherInstruments: target.checked})});
    const leaveOut = element('label', {className: 'check'}, checkbox, `leave out this ${INSTRUMENT}`);
    const unlike = element('button', {id: 'other-instrument', title: `key O: the nearest note of another ${INSTRUMENT}`,
                                      onclick: () => this.walkOn(note)}, `Like this, but another ${INSTRUMENT}`);
    return [element('h3', {}, 'Nearest notes in fc2 space'), ...hasInstrument(note) ? [leaveOut, unlike] : [],
            this.nearest];
  }

  // Go to the nearest note of another instrument; from there on, to none where this walk has been.
  walkOn(note) {
    const others = note < 0 || !hasInstrument(note) ? [] : neighboursOf(note, true);
    if (!others.length) return this.app.say(`There is no note of another ${INSTRUMENT} to go to.`);
    if (this.walked.at(-1) !== note) this.walked = [note];
    const next = others.find(other => !this.walked.includes(other)) ?? others[0];
    this.walked.push(next);
    this.app.choose(next, {show: true});
  }

  // Only the list changes with the checkbox, which keeps the focus.
  fillNearest({note, otherInstruments}) {
    const others = note < 0 ? [] : neighboursOf(note, otherInstruments);
    this.nearest.replaceChildren(...Array.from(others, other => lineButton(
      {className: 'line', title: 'play it and go there', onclick: () => this.app.choose(other, {show: true})},
      colourOf(other), MAP.notes[other], pitchName(MAP.pitch[other]))));
  }
}
