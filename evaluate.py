"""Stage 4: how well the network tells instrument families on a split, next to a plain baseline on the same notes.

Reads RUN/model.keras, the lists and spectra of DATA; writes RUN/metrics.json, RUN/predictions.csv, RUN/confusion.csv
and RUN/confusion.png. For another split than test the names get its name, as in metrics_valid.json. The probabilities
are calibrated by RUN/calibration.json, which train.py wrote.
"""

import re

import numpy as np

from artifacts import (
    BadInput,
    atomic,
    command,
    instrument_of,
    list_path,
    load_json,
    load_npy,
    model_digest,
    parser,
    progress,
    require,
    run_path,
    save_csv,
    save_json,
)
from calibration import calibrated, describe, load_calibration, measure_calibration

N_RESAMPLES = 2000
N_BASELINE_TRAIN = 10_000  # notes; fitting an SVM takes time quadratic in them
N_MFCC = 20
# 41 notes of NSynth's test split that are one and the same noise recording
NOISE_NOTES = re.compile(r'brass_acoustic_046-(08[4-9]|09\d|10[0-8])-\d{3}')


# Predictions.

def open_model(run):
    """Return (content of config.json, model) of a run."""
    config = load_json(run / 'config.json', 'train.py', labels=list, signal=dict)
    require(run / 'model.keras', 'train.py')
    from model import load_model
    model = load_model(run / 'model.keras')
    if model.output_shape != (None, len(config['labels'])):
        raise BadInput(f'{run}/model.keras answers with shape {model.output_shape} to {len(config["labels"])} labels: '
                       'it belongs to another run, so run `python train.py --replace`')
    return config, model


def open_run(args, splits):
    """Return (model, provider) with the run's statistics; refuse data that do not fit the model."""
    from data_provider import prepare_data
    config, model = open_model(args.run)
    provider = prepare_data(args.data, args.labels, splits, statistics=args.run)
    if provider.labels != config['labels']:
        raise BadInput(f'{args.run}/model.keras was trained on the labels {", ".join(config["labels"])}, '
                       f'{args.labels} has {", ".join(provider.labels)}: give the --labels of the training '
                       f'({args.run}/labels.txt), or train again')
    for key in ('n_fft', 'hop_length', 'sample_rate', 'log_scale', 'shape'):
        if provider.signal[key] != config['signal'].get(key):
            raise BadInput(f'{args.data}/spectrum.json: {key} is {provider.signal[key]}, but {args.run} was trained '
                           f'with {config["signal"].get(key)}: run `python train.py` again')
    if not provider.n_notes(splits[0]):
        raise BadInput(f'{args.data}: the {splits[0]} split has no usable notes: choose another --split')
    return model, provider


def predict_logits(model, provider, split):
    """Return the logits, float64 of shape (n_notes, n_labels), in list order."""
    from data_provider import name_damaged_files
    logits = []
    with progress(total=provider.n_notes(split), description=f'{split} notes') as bar, name_damaged_files():
        for spectra, _ in provider.dataset(split):
            logits.append(model.predict_on_batch(spectra))
            bar.update(len(spectra))
    return np.concatenate(logits).astype(np.float64)


def save_predictions(path, provider, split, probabilities):
    """Write note, label, predicted label and the probability of every label, one note a line."""
    labels = provider.labels
    rows = zip(provider.notes[split], provider.class_indices[split], probabilities, strict=True)
    save_csv(path, [['note', 'label', 'predicted', *labels],
                    *([note, labels[index], labels[row.argmax()], *(f'{value:.6f}' for value in row)]
                      for note, index, row in rows)])


# The baseline: statistics of the MFCCs and a support vector machine.

def mfcc_statistics(path):
    """Return mean and standard deviation over time of 20 MFCCs of a stored spectrum and of their differences, (80,)."""
    import librosa

    from extract_spectrum import SAMPLE_RATE, magnitude
    power = magnitude(load_npy(path, 'extract_spectrum.py').astype(np.float32)).T ** 2
    mel = librosa.feature.melspectrogram(S=power, sr=SAMPLE_RATE)
    mfcc = librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=N_MFCC)
    difference = librosa.feature.delta(mfcc)
    return np.concatenate([statistic(part, axis=1) for part in (mfcc, difference) for statistic in (np.mean, np.std)])


def predict_baseline(provider, split, seed=0):
    """Return the class indices that the SVM predicts, trained on at most 10,000 notes of the train split."""
    from joblib import Parallel, delayed
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC
    n_train = provider.n_notes('train')
    chosen = np.random.default_rng(seed).permutation(n_train)[:N_BASELINE_TRAIN]
    paths = [provider.path('train', i) for i in chosen]
    paths += [provider.path(split, i) for i in range(provider.n_notes(split))]
    results = Parallel(n_jobs=-1, return_as='generator', batch_size=16)(
        delayed(mfcc_statistics)(path) for path in paths)
    features = np.stack(list(progress(results, len(paths), 'MFCC baseline')))
    if len(np.unique(provider.class_indices['train'][chosen])) == 1:  # a support vector machine takes two
        return np.full(provider.n_notes(split), provider.class_indices['train'][0])
    machine = make_pipeline(StandardScaler(), SVC(C=10, class_weight='balanced'))
    machine.fit(features[:len(chosen)], provider.class_indices['train'][chosen])
    return machine.predict(features[len(chosen):])


# Metrics.

def accuracy_interval(correct, instruments, seed=0):
    """Return the 95 % interval of the mean of `correct` as [low, high], resampling instruments, not notes.

    The notes of one instrument are alike, so that an interval over notes would be far too narrow. Percentile
    bootstrap over clusters: Davison and Hinkley 1997, "Bootstrap Methods and their Application", section 3.8.
    `correct` may hold differences of two classifiers as well.
    """
    names, cluster = np.unique(instruments, return_inverse=True)
    sums, sizes = np.bincount(cluster, weights=correct), np.bincount(cluster)
    drawn = np.random.default_rng(seed).integers(len(names), size=(N_RESAMPLES, len(names)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return [float(bound) for bound in np.percentile(means, [2.5, 97.5])]


def source_of(note):
    """'bass_synthetic_033-045-100' -> 'synthetic'; 'unknown' for names of another form."""
    match = re.search(r'_(acoustic|electronic|synthetic)_\d+$', instrument_of(note))
    return match[1] if match else 'unknown'


def accuracy_by(correct, groups):
    """Return {group: {'n_notes', 'accuracy'}} of the groups that have notes, in order of name."""
    groups = np.asarray(groups)
    return {str(group): {'n_notes': int((groups == group).sum()), 'accuracy': float(correct[groups == group].mean())}
            for group in np.unique(groups)}


def measure(true, predicted, notes, labels):
    """Return the metrics of one classifier: `true` and `predicted` are class indices of `notes`."""
    correct = (true == predicted).astype(np.float64)
    by_family = accuracy_by(correct, np.array(labels)[true])
    noise = np.array([bool(NOISE_NOTES.fullmatch(note)) for note in notes])
    metrics = {'accuracy': float(correct.mean()),
               'accuracy_interval': accuracy_interval(correct, [instrument_of(note) for note in notes]),
               'balanced_accuracy': float(np.mean([family['accuracy'] for family in by_family.values()])),
               'by_family': {label: by_family[label] for label in labels if label in by_family},
               'by_source': accuracy_by(correct, [source_of(note) for note in notes])}
    if noise.any() and not noise.all():
        metrics['without_noise_notes'] = {'n_left_out': int(noise.sum()), 'accuracy': float(correct[~noise].mean())}
    return metrics


def top_confusions(confusion, labels, n=10):
    """Return the n most frequent mistakes; `confusion` counts notes by true (row) and predicted label (column)."""
    mistakes = [(int(count), labels[row], labels[column]) for (row, column), count in np.ndenumerate(confusion)
                if row != column and count]
    return [{'label': label, 'predicted': predicted, 'n_notes': count,
             'share_of_label': count / int(confusion[labels.index(label)].sum())}
            for count, label, predicted in sorted(mistakes, key=lambda mistake: -mistake[0])[:n]]


# What is written and shown.

def save_confusion(run, split, confusion, labels):
    rows = ([label, *row] for label, row in zip(labels, confusion.tolist(), strict=True))
    save_csv(run_path(run, 'confusion.csv', split), [['', *labels], *rows])
    draw_confusion(run_path(run, 'confusion.png', split), split, confusion, labels)


def draw_confusion(path, split, confusion, labels):
    """Draw the confusion matrix: colour is the share of the row, the number counts notes."""
    from matplotlib.figure import Figure
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    size = 2.5 + 0.5 * len(labels)
    figure = Figure(figsize=(size + 1, size), layout='constrained')
    axes = figure.subplots()
    image = axes.imshow(share, cmap='Blues', vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(confusion):
        if count:
            axes.text(column, row, f'{count}', ha='center', va='center', fontsize=8,
                      color='white' if share[row, column] > 0.5 else 'black')
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha='right', parse_math=False)
    axes.set_yticks(range(len(labels)), [f'{label} ({n})' for label, n in zip(labels, confusion.sum(axis=1),
                                                                              strict=True)], parse_math=False)
    axes.set(xlabel='predicted', ylabel='label (notes)',
             title=f'{split}: {np.trace(confusion) / confusion.sum():.1%} of {confusion.sum():,} notes right')
    figure.colorbar(image, ax=axes, label='share of the label', shrink=0.8)
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=150, format='png')


def print_metrics(metrics):
    """Print the table: accuracy by family and source, of the network and, where there is one, of the baseline."""
    network, baseline = metrics['network'], metrics.get('baseline')
    columns = [network, *([baseline] if baseline else [])]
    width = max(map(len, [*network['by_family'], 'balanced accuracy']))
    print(f'\n{metrics["split"]:{width}}{"notes":>8}{"network":>10}' + ('MFCC + SVM'.rjust(13) if baseline else ''))
    rows = [('accuracy', metrics['n_notes'], [column['accuracy'] for column in columns]),
            ('balanced accuracy', metrics['n_notes'], [column['balanced_accuracy'] for column in columns])]
    rows += [(name, group['n_notes'], [column[kind][name]['accuracy'] for column in columns])
             for kind in ('by_source', 'by_family') for name, group in network[kind].items()]
    for name, n_notes, values in rows:
        print(f'{name:{width}}{n_notes:8,}{values[0]:10.1%}' + ''.join(f'{value:13.1%}' for value in values[1:]))
    for name, column in zip(('network', 'MFCC + SVM'), columns, strict=False):
        low, high = column['accuracy_interval']
        print(f'{name}: {column["accuracy"]:.1%}, 95 % interval over {metrics["n_instruments"]} instruments '
              f'{low:.1%} to {high:.1%}')
        if 'without_noise_notes' in column:
            print(f'{name} without the {column["without_noise_notes"]["n_left_out"]} noise notes of '
                  f'brass_acoustic_046: {column["without_noise_notes"]["accuracy"]:.1%}')
    if baseline:
        low, high = metrics['difference_interval']
        print(f'network minus baseline: {100 * metrics["difference"]:+.1f} points, '
              f'95 % interval {100 * low:+.1f} to {100 * high:+.1f}')
    print(f'network: {describe(metrics["calibration"])}')
    print('most frequent mistakes: ' + '; '.join(
        f'{mistake["label"]} taken for {mistake["predicted"]} {mistake["n_notes"]} times'
        for mistake in metrics['top_confusions'][:5]))


@command
def main(argv=None):
    options = parser(__doc__.splitlines()[0], 'data', 'run')
    options.add_argument('--labels', default='labels.txt', help='the labels, one a line')
    options.add_argument('--split', default='test', choices=['train', 'valid', 'test'], help='what to evaluate on')
    options.add_argument('--no-baseline', action='store_true', help='leave out MFCC statistics + SVM')
    args = options.parse_args(argv)

    splits = [args.split] + ['train'] * (not args.no_baseline and args.split != 'train')
    without_train = not any(list_path(args.data, 'train', kind).exists() for kind in ('samples', 'labels'))
    model, provider = open_run(args, splits[:1] if without_train else splits)
    if not args.no_baseline and not provider.notes.get('train'):
        raise BadInput(f'{args.data} has no train notes to train the baseline on: add some, or give --no-baseline')
    notes, labels, true = provider.notes[args.split], provider.labels, provider.class_indices[args.split]
    temperature = load_calibration(args.run)['temperature']
    logits = predict_logits(model, provider, args.split)
    probabilities = calibrated(logits, temperature)
    predicted = probabilities.argmax(axis=1)
    confusion = np.zeros((len(labels), len(labels)), dtype=int)
    np.add.at(confusion, (true, predicted), 1)

    instruments = [instrument_of(note) for note in notes]
    metrics = {'model': model_digest(args.run), 'split': args.split, 'n_notes': len(notes),
               'n_instruments': len(set(instruments)),
               'network': measure(true, predicted, notes, labels), 'top_confusions': top_confusions(confusion, labels),
               'calibration': measure_calibration(logits, true, temperature)}
    if not args.no_baseline:
        baseline = predict_baseline(provider, args.split)
        gain = (predicted == true).astype(float) - (baseline == true)
        metrics |= {'baseline': measure(true, baseline, notes, labels), 'difference': float(gain.mean()),
                    'difference_interval': accuracy_interval(gain, instruments)}
    save_predictions(run_path(args.run, 'predictions.csv', args.split), provider, args.split, probabilities)
    save_confusion(args.run, args.split, confusion, labels)
    save_json(run_path(args.run, 'metrics.json', args.split), metrics)
    print_metrics(metrics)


if __name__ == '__main__':
    raise SystemExit(main())
