// The card of the chosen note: what it is, what the network says, why it stands where it stands.
'use strict';

class Card {
  constructor(app) {
    this.app = app;
    this.nearest = element('div', {className: 'neighbours'});
    this.walked = [];  // the notes of a walk through other instruments
    app.store.subscribe(['note', 'loaded', 'theme'], state => this.show(state));
    app.store.subscribe(['otherInstruments'], state => this.fillNearest(state));
  }

  show(state) {
    const {note} = state;
    const panel = byId('panel-note');
    this.fillNearest(state);
    if (note < 0) {
      panel.replaceChildren(element('p', {}, 'Click a note in the map to hear it and to see why it stands there. '
        + 'With “Play on hover” the mouse plays the map like an instrument.'));
      return;
    }
    panel.replaceChildren(this.head(note), this.picture(note), this.facts(note),
                          ...this.prediction(note), ...this.neurons(note), ...this.neighbours(note));
    if (this.voice) this.follow(...this.voice);
  }

  head(note) {
    const silent = element('p', {className: 'warning'}, SILENCES.silent);
    return element('div', {}, element('h2', {className: 'note-name'}, MAP.notes[note]), ...this.remarks(note),
      element('div', {className: 'row'},
              element('button', {id: 'play', className: 'play', disabled: !MAP.has_sound[note],
                                 onclick: () => this.app.play(note)}, '▶ Play'),
              element('button', {id: 'show-on-map', onclick: () => this.app.goTo(note)}, 'Show on the map'),
              element('button', {id: 'hold', title: 'key A', 'aria-pressed': this.app.compare.a === note,
                                 onclick: () => this.app.compare.hold(note)}, 'Hold as A'),
              originalUrl(note) ? element('button', {id: 'copy-path', onclick: () => this.copyPath(note)},
                                          'Copy path') : ''),
      MAP.has_sound[note] ? '' : silent);
  }

  async copyPath(note) {
    await copyText(originalPath(note));
    this.app.say(`Copied: ${originalPath(note)}`);
  }

  remarks(note) {
    const place = element('p', {className: 'hint'}, 'This is a sound of yours. Its place is approximate: in '
      + 'every view it is the mean of the places of its nearest notes in fc2 space.');
    const outOfDistribution = element('p', {className: 'warning'}, 'Out of distribution: in fc2 space this sound lies '
      + 'where sounds of no label lie: 98 % of the valid notes do so less. The prediction means little.');
    return [...isAdded(note) ? [place] : [], ...MAP.out_of_distribution[note] ? [outOfDistribution] : []];
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
    const rows = [['family', element('span', {}, swatch(MAP.colours[MAP.class_index[note]]), familyOf(note))],
                  [MAP.sources_title === 'Folders' ? 'folder' : 'source', MAP.sources[MAP.source[note]] || 'unknown'],
                  ['pitch', MAP.pitch[note] < 0 ? 'unknown' : `${pitchName(MAP.pitch[note])} (${MAP.pitch[note]})`],
                  ['velocity', MAP.velocity[note] < 0 ? 'unknown' : String(MAP.velocity[note])]];
    return element('dl', {className: 'facts'}, ...rows.map(
      ([term, value]) => element('div', {}, element('dt', {}, term), element('dd', {}, value))));
  }

  prediction(note) {
    if (!MAP.predicted) return [];
    const taken = `taken for ${MAP.labels[MAP.predicted[note]]}`;
    const [className, verdict] = !MAP.labelled ? ['', ''] : isAdded(note) ? ['', taken]
      : isWrong(note) ? ['wrong', `wrong: ${taken}`] : ['right', 'right'];
    const families = [...MAP.labels.keys()].sort((a, b) => probability(note, b) - probability(note, a))
      .filter((family, rank) => rank < 5 || family === MAP.class_index[note]);
    return [element('h3', {}, 'Prediction ', element('span', {className}, verdict)),
            ...families.map(family => bar(MAP.labels[family], probability(note, family),
                                          percent(probability(note, family)), MAP.colours[family]))];
  }

  neurons(note) {
    if (!MAP.activation) return [];
    const strongest = [...strongestOf(note)].filter(neuron => activationOf(note, neuron) > 0);
    const largest = Math.max(...strongest.map(neuron => activationOf(note, neuron)));
    return [element('h3', {}, 'Strongest neurons of fc2'), ...strongest.map(neuron => {
      const value = activationOf(note, neuron);
      return element('button', {className: 'line neuron', title: 'colour the map by this neuron',
                                onclick: () => this.app.store.change({colour: 'neuron', neuron})},
                     bar(`neuron ${neuron}`, value / largest, value.toPrecision(3)));
    })];
  }

  neighbours(note) {
    if (!neighboursOf(note).length) return [];
    const {store} = this.app;
    const checkbox = element('input', {type: 'checkbox', checked: store.state.otherInstruments,
                                       onchange: ({target}) => store.change({otherInstruments: target.checked})});
    const other = MAP.labelled ? 'instrument' : 'folder';
    const leaveOut = element('label', {className: 'check'}, checkbox, `leave out this ${other}`);
    const unlike = element('button', {id: 'other-instrument', title: `key O: the nearest note of another ${other}`,
                                      onclick: () => this.walkOn(note)}, `Like this, but another ${other}`);
    return [element('h3', {}, 'Nearest notes in fc2 space'), ...hasInstrument(note) ? [leaveOut, unlike] : [],
            this.nearest];
  }

  // Go to the nearest note of another instrument; from there on, to none where this walk has been.
  walkOn(note) {
    const others = note < 0 || !hasInstrument(note) ? [] : neighboursOf(note, true);
    if (!others.length) return this.app.say(`There is no note of another ${MAP.labelled ? 'instrument' : 'folder'} to go to.`);
    if (this.walked.at(-1) !== note) this.walked = [note];
    const next = others.find(other => !this.walked.includes(other)) ?? others[0];
    this.walked.push(next);
    this.app.choose(next, {show: true});
  }

  // Only the list changes with the checkbox, which keeps the focus.
  fillNearest({note, otherInstruments}) {
    const others = note < 0 ? [] : neighboursOf(note, otherInstruments);
    this.nearest.replaceChildren(...Array.from(others, other => element(
      'button', {className: 'line', title: 'play it and go there', onclick: () => this.app.choose(other, {show: true})},
      swatch(MAP.colours[MAP.class_index[other]]), element('span', {className: 'name'}, MAP.notes[other]),
      element('span', {className: 'count'}, pitchName(MAP.pitch[other])))));
  }
}
