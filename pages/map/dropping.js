// The reader's own sounds: dropped, chosen or recorded, they become points of the map. Nothing leaves the page.
'use strict';

class OwnSounds {
  constructor(app) {
    Object.assign(this, {app, queue: Promise.resolve(), recordings: 0});
    byId('own').hidden = !MAP.listens;
    if (!MAP.listens) return;
    for (const id of ['own-files', 'own-folder']) {
      const input = byId(`${id}-input`);
      byId(id).onclick = () => input.click();
      input.onchange = () => {
        this.add([...input.files].filter(file => id === 'own-files' || isSound(file)));
        input.value = '';
      };
    }
    this.bindDrop();
    this.bindRecording(byId('own-record'));
  }

  // Files may be dropped anywhere on the page, which they would replace otherwise.
  bindDrop() {
    const show = shown => document.body.classList.toggle('dropping', shown);
    for (const type of ['dragover', 'drop']) {
      document.addEventListener(type, event => {
        if (!event.dataTransfer.types.includes('Files')) return;
        event.preventDefault();
        show(type === 'dragover');
        if (type === 'drop') this.add(droppedFiles(event.dataTransfer));
      });
    }
    document.addEventListener('dragleave', event => event.relatedTarget || show(false));
  }

  bindRecording(button) {
    button.hidden = !navigator.mediaDevices || !window.MediaRecorder;
    const isKey = event => event.key === ' ' || event.key === 'Enter';
    button.onpointerdown = event => {
      button.setPointerCapture(event.pointerId);
      this.record(button);
    };
    button.onkeydown = event => isKey(event) && !event.repeat && this.record(button);
    button.onpointerup = button.onpointercancel = button.onblur = () => this.stopRecording();
    button.onkeyup = event => isKey(event) && this.stopRecording();
  }

  async record(button) {
    this.isHeld = true;
    const audio = {echoCancellation: false, noiseSuppression: false, autoGainControl: false};
    const stream = await navigator.mediaDevices.getUserMedia({audio}).catch(error => this.app.say(
      `The browser gives this page no microphone: ${error.message}`));
    if (!stream) return;
    const close = () => stream.getTracks().forEach(track => track.stop());
    if (!this.isHeld) {  // let go to answer the browser's question
      close();
      return this.app.say('The microphone may be used now: hold the button while you sing.');
    }
    this.app.hush();
    const recorder = this.recorder = new MediaRecorder(stream, {audioBitsPerSecond: 256_000});
    const parts = [];
    recorder.ondataavailable = ({data}) => parts.push(data);
    recorder.onstart = () => button.textContent = 'Recording … let go to stop';
    recorder.onstop = () => {
      close();
      button.textContent = 'Hold to record';
      this.add([new File(parts, `recording ${++this.recordings}`)]);
    };
    recorder.start();
  }

  stopRecording() {
    this.isHeld = false;
    if (this.recorder?.state === 'recording') this.recorder.stop();
  }

  // Take up files, one after the other; `files` may be a promise.
  add(files) {
    this.queue = this.queue.then(async () => this.addAll(await files)).catch(error => this.app.say(error.message));
  }

  async addAll(files) {
    const [added, errors] = [[], []];
    for (const [i, file] of files.entries()) {
      this.app.say(`Listening to ${file.name} (${i + 1} of ${files.length}) …`);
      try {
        added.push(await this.addFile(file));
      } catch (error) {
        errors.push(`${file.name}: ${error.message}`);
      }
    }
    if (!files.length) errors.push('There is no sound file in it.');
    byId('own-errors').replaceChildren(...errors.map(error => element('li', {}, error)));
    if (errors.length > 1) byId('own').open = true;  // the status tells a single one
    if (added.length) this.show(added.at(-1), added.length === 1);
    this.app.say([added.length === 1 ? this.summary(added[0]) : added.length ? `${added.length} sounds added` : '',
                  errors.length === 1 ? errors[0] : errors.length ? `${errors.length} cannot be used` : '']
      .filter(Boolean).join(' · '));
  }

  async addFile(file) {
    const network = await this.network();
    const found = loudestWindow(await decodeSound(await file.arrayBuffer()));
    const answer = askNetwork(network, found.waveform);
    MAP.files[MAP.count] = file.name;
    const note = addSound(file.name, rowOfSound(network, answer), answer.fc2);
    MAP.own.set(note, [playable(found), pictureOf(answer.spectrum), answer.probabilities]);
    this.app.store.change({count: MAP.count});
    return note;
  }

  // The network, unpacked; its script is read from the folder when first asked for.
  async network() {
    await this.app.readActivation();
    if (!MAP.network) await loadScript('network.js');
    return this.unpacked ||= unpackNetwork(MAP.network);
  }

  show(note, aloud) {
    this.app.through = null;
    this.app.store.change({note, tab: 'note'});
    this.app.stage.reveal(note);
    this.app.stage.ripple(note);
    if (aloud && navigator.userActivation?.hasBeenActive !== false) this.app.play(note);
  }

  summary(note) {
    const [, , probabilities] = MAP.own.get(note);
    const said = largestFirst(probabilities.length, family => probabilities[family]).slice(0, 3).map(
      family => `${MAP.labels[family]} ${percent(probabilities[family])}`);
    return `${MAP.notes[note]}: ${said.join(', ')}${MAP.out_of_distribution[note] ? ' · out of distribution' : ''}`;
  }
}

function isSound(file) {
  return /^(audio|video)\//.test(file.type) && !file.name.startsWith('.');
}

// The files of a drop, with those in its folders. All of it must be asked for before the first await.
async function droppedFiles(transfer) {
  const items = [...transfer.items].filter(item => item.kind === 'file').map(item => ({
    file: item.getAsFile(), isFolder: item.webkitGetAsEntry()?.isDirectory, handle: item.getAsFileSystemHandle?.()}));
  const found = [];
  for (const {file, isFolder, handle} of items) {
    if (!isFolder) found.push(file);
    else if (handle) found.push(...await filesBelow(await handle));
    else throw new Error(`${file.name}: this browser opens no folder that is dropped. Use “Folder …” instead.`);
  }
  return found;
}

// The sound files in a folder, by name, and then those in the folders in it. Of a page from disk, Chromium opens no
// folder through webkitGetAsEntry.
async function filesBelow(folder) {
  const [files, folders] = [[], []];
  for await (const one of folder.values()) {
    if (one.kind === 'directory') folders.push(one);
    else files.push(await one.getFile());
  }
  const byName = (a, b) => a.name.localeCompare(b.name);
  const found = files.filter(isSound).sort(byName);
  for (const one of folders.sort(byName)) found.push(...await filesBelow(one));
  return found;
}
