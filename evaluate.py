"""Stage 4: accuracy of the network on a split, beside a plain baseline on the same notes.

Reads RUN/model.keras, the lists and spectra of DATA; writes RUN/metrics.json, RUN/predictions.csv, RUN/confusion.csv
and RUN/confusion.png. For another split than test the names get its name, as in metrics_valid.json. The probabilities
are calibrated by RUN/calibration.json, which train.py wrote.
"""

import numpy as np

from deepdream.artifacts import BadInput, list_path, run_path, save_csv, save_json
from deepdream.baseline import predict_baseline
from deepdream.calibration import calibrated, describe_calibration, load_calibration, measure_calibration
from deepdream.cluster import scheduler
from deepdream.command_line import command, end, parser
from deepdream.metrics import accuracy_interval, measure_accuracy, top_confusions
from deepdream.notes import instrument_of
from deepdream.run_folder import model_digest


def is_listed(data, split):
    """Whether stage 1 has left a list of a split, or a part of one."""
    return any(list_path(data, split, kind).exists() for kind in ('samples', 'labels'))


def evaluate_network(model, provider, split, run):
    """Return (metrics of the network, calibrated probabilities (n_notes, n_labels), confusion matrix)."""
    from sklearn.metrics import confusion_matrix

    from deepdream.inference import predict_logits
    notes, labels, true = provider.notes[split], provider.labels, provider.class_indices[split]
    temperature = load_calibration(run)['temperature']
    logits = predict_logits(model, provider, split)
    probabilities = calibrated(logits, temperature)
    predicted = probabilities.argmax(axis=1)
    confusion = confusion_matrix(true, predicted, labels=range(len(labels)))
    metrics = {'model': model_digest(run), 'split': split, 'n_notes': len(notes),
               'n_instruments': len(set(map(instrument_of, notes))),
               'network': measure_accuracy(true, predicted, notes, labels),
               'top_confusions': top_confusions(confusion, labels),
               'calibration': measure_calibration(logits, true, temperature)}
    return metrics, probabilities, confusion


def compare_baseline(provider, split, predicted):
    """Return the metrics of the baseline, and by how much the network's `predicted` class indices are better."""
    notes, true = provider.notes[split], provider.class_indices[split]
    baseline = predict_baseline(provider, split)
    gain = (predicted == true).astype(float) - (baseline == true)
    return {'baseline': measure_accuracy(true, baseline, notes, provider.labels), 'difference': float(gain.mean()),
            'difference_interval': accuracy_interval(gain, list(map(instrument_of, notes)))}


# What is written and shown.

def save_predictions(path, provider, split, probabilities):
    """Write note, label, predicted label and the probability of every label, one note a line."""
    labels = provider.labels
    rows = zip(provider.notes[split], provider.class_indices[split], probabilities, strict=True)
    save_csv(path, [['note', 'label', 'predicted', *labels],
                    *([note, labels[index], labels[row.argmax()], *(f'{value:.6f}' for value in row)]
                      for note, index, row in rows)])


def save_confusion(run, split, confusion, labels):
    rows = ([label, *row] for label, row in zip(labels, confusion.tolist(), strict=True))
    save_csv(run_path(run, 'confusion.csv', split), [['', *labels], *rows])
    draw_confusion(run_path(run, 'confusion.png', split), split, confusion, labels)


def draw_confusion(path, split, confusion, labels):
    """Draw the confusion matrix: colour is the share of the row, the number counts notes."""
    from deepdream.figures import make_figure, save_figure
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    size = 2.5 + 0.5 * len(labels)
    figure = make_figure(figsize=(size + 1, size))
    axes = figure.subplots()
    image = axes.imshow(share, cmap='Blues', vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(confusion):
        if count:
            axes.text(column, row, f'{count}', ha='center', va='center', fontsize=8,
                      color='white' if share[row, column] > 0.5 else 'black')
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha='right')
    axes.set_yticks(range(len(labels)), [f'{label} ({n})' for label, n in zip(labels, confusion.sum(axis=1),
                                                                              strict=True)])
    axes.set(xlabel='predicted', ylabel='label (notes)',
             title=f'{split}: {np.trace(confusion) / confusion.sum():.1%} of {confusion.sum():,} notes right')
    figure.colorbar(image, ax=axes, label='share of the label', shrink=0.8)
    save_figure(figure, path, dpi=150)


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
    print(f'network: {describe_calibration(metrics["calibration"])}')
    print('most frequent mistakes: ' + ('; '.join(
        f'{mistake["label"]} taken for {mistake["predicted"]} {mistake["n_notes"]} times'
        for mistake in metrics['top_confusions'][:5]) or 'none'))


def evaluate(data, run, labels, split, with_baseline):
    """Write and print what the network of RUN and, if wanted, the baseline reach on a split."""
    from deepdream.run_folder import open_run
    splits = [split]
    if with_baseline and split != 'train' and is_listed(data, 'train'):
        splits.append('train')
    model, provider = open_run(run, data, labels, splits)
    if with_baseline and not provider.notes.get('train'):
        raise BadInput(f'{data} has no train notes to train the baseline on: add some, or give --no-baseline')
    metrics, probabilities, confusion = evaluate_network(model, provider, split, run)
    if with_baseline:
        metrics |= compare_baseline(provider, split, probabilities.argmax(axis=1))
    save_predictions(run_path(run, 'predictions.csv', split), provider, split, probabilities)
    save_confusion(run, split, confusion, provider.labels)
    save_json(run_path(run, 'metrics.json', split), metrics)
    print_metrics(metrics)


@command
def main(argv=None):
    options = parser(__doc__.splitlines()[0], 'data', 'run', 'scheduler')
    options.add_argument('--labels', default='labels.txt', help='the labels, one a line')
    options.add_argument('--split', default='test', choices=['train', 'valid', 'test'], help='what to evaluate on')
    options.add_argument('--no-baseline', action='store_true', help='leave out MFCC statistics + SVM')
    args = options.parse_args(argv)
    with scheduler(None if args.no_baseline else args.scheduler, args.data) as (data,):  # only the baseline uses it
        evaluate(data, args.run, args.labels, args.split, not args.no_baseline)


if __name__ == '__main__':
    end(main())
