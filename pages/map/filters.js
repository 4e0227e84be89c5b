// The panel on the left: colours and filters.
'use strict';

class ColourPanel {
  constructor(app) {
    this.store = app.store;
    for (const [name, {title, exists}] of Object.entries(COLOURINGS)) {
      byId('colour').append(new Option(title, name, false, false));
      byId('colour').lastChild.disabled = !exists();
    }
    byId('colour').onchange = event => this.store.change({colour: event.target.value});
    for (const id of ['neuron-slider', 'neuron-number']) {
      byId(id).max = MAP.neurons - 1;
      byId(id).oninput = event => this.chooseNeuron(event.target.valueAsNumber);
    }
    byId('neuron-family').append(new Option('a family …', ''), ...MAP.labels.map((label, i) => new Option(label, i)));
    byId('neuron-family').onchange = event => this.find(event.target.value);
    this.store.subscribe(['colour', 'neuron', 'theme', 'loaded'], state => this.show(state));
  }

  chooseNeuron(neuron) {
    if (neuron >= 0 && neuron < MAP.neurons) this.store.change({colour: 'neuron', neuron: Math.floor(neuron)});
  }

  find(family) {
    const found = family === '' || !MAP.activation ? [] : neuronsFor(Number(family));
    byId('neuron-found').replaceChildren(...found.map(neuron => element(
      'button', {onclick: () => this.chooseNeuron(neuron)}, `neuron ${neuron}`)));
  }

  show({colour, neuron}) {
    byId('colour').value = colour;
    byId('neuron-box').hidden = colour !== 'neuron';
    byId('neuron-slider').value = byId('neuron-number').value = neuron;
    byId('neuron-dream').hidden = !ATLAS_PAGE;
    byId('neuron-dream').href = `${ATLAS_PAGE}#unit=fc2_${neuron}`;
    const ends = colour === 'neuron' ? ['0', MAP.maxima?.[neuron].toPrecision(3) ?? ''] : COLOURINGS[colour].ends;
    byId('scale').hidden = !ends;
    byId('scale-hint').replaceChildren(...this.hint(colour, neuron));
    if (!ends) return;
    byId('scale').ariaLabel = `Scale from ${ends[0]} to ${ends[1]}`;
    byId('scale').firstElementChild.style.background = `linear-gradient(to right, ${scale()})`;
    for (const [i, end] of [...byId('scale').lastElementChild.children].entries()) end.textContent = ends[i];
  }

  hint(colour, neuron) {
    if (colour === 'right') {
      return ['right', 'wrong'].map((word, i) => element('span', {className: 'key'}, swatch(RIGHT_WRONG[i]), word));
    }
    if (colour !== 'neuron') return [];
    if (!MAP.activation) return ['The activations are being read …'];
    const levels = MAP.activation.subarray(neuron * MAP.count, (neuron + 1) * MAP.count);
    const active = levels.reduce((sum, level) => sum + (level > 0), 0);
    return [active ? `Active in ${percent(active / MAP.count)} of the notes.` : 'This neuron is never active here.'];
  }
}

// The five neurons whose mean level in a family stands out most from their mean level elsewhere.
function neuronsFor(family) {
  const inside = MAP.class_index.reduce((sum, one) => sum + (one === family), 0);
  const lead = Float64Array.from({length: MAP.neurons}, (_, neuron) => {
    let [sum, rest] = [0, 0];
    for (let i = 0; i < MAP.count; i++) {
      const level = MAP.activation[neuron * MAP.count + i];
      if (MAP.class_index[i] === family) sum += level;
      else rest += level;
    }
    return sum / Math.max(inside, 1) - rest / Math.max(MAP.count - inside, 1);
  });
  return [...lead.keys()].sort((a, b) => lead[b] - lead[a]).slice(0, 5);
}

class FilterPanel {
  constructor(app) {
    this.store = app.store;
    this.toggles('families', MAP.families, MAP.class_index, 'hiddenFamilies');
    this.toggles('sources', MAP.sources.map(source => source || 'unknown'), MAP.source, 'hiddenSources');
    byId('sources').hidden = byId('sources-title').hidden = MAP.sources.length < 2;
    byId('wrong-box').hidden = !MAP.predicted;
    for (const field of ['pitch', 'velocity']) this.range(field);
    byId('wrong').onchange = event => this.store.change({wrong: event.target.checked});
    byId('search').oninput = event => this.store.change({search: event.target.value});
    byId('reset').onclick = () => this.store.change(Object.fromEntries(
      ['hiddenFamilies', 'hiddenSources', 'pitch', 'velocity', 'wrong', 'search'].map(field => [field, START[field]])));
    byId('select-filtered').onclick = () => app.select(app.passingNotes());
    this.store.subscribe(['hiddenFamilies', 'hiddenSources', 'pitch', 'velocity', 'wrong', 'search', 'colour', 'theme'],
                         state => this.show(state));
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
    byId(id).append(...this[field]);
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
    if (byId('search').value !== state.search) byId('search').value = state.search;
  }

  paint(buttons, hidden, colours) {
    for (const [i, button] of buttons.entries()) {
      press(button, !hidden.includes(i));
      button.firstChild.style.background = colours ? colours[i] : '';
    }
  }
}
