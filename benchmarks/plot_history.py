"""Draw the loss and the accuracy of several runs over each other.

    python benchmarks/plot_history.py run_adamw run_adadelta --out docs/pictures/optimizers.png
"""

import argparse
import csv
from pathlib import Path

from matplotlib.figure import Figure


def read_history(run):
    """Return {column: [float]} of RUN/history.csv."""
    with open(run / 'history.csv', encoding='utf-8', newline='') as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in rows[0]}


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument('runs', nargs='+', type=Path)
    options.add_argument('--out', type=Path, default='docs/pictures/optimizers.png')
    args = options.parse_args()
    figure = Figure(figsize=(10, 4), layout='constrained')
    for axes, column in zip(figure.subplots(1, 2), ('train_loss', 'valid_accuracy'), strict=True):
        for run in args.runs:
            history = read_history(run)
            axes.plot(history['step'], history[column], label=run.name)
        axes.set(xlabel='step', ylabel=column.replace('_', ' '), ylim=(0, None))
        axes.grid(alpha=0.3)
        axes.legend()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out, dpi=110)


if __name__ == '__main__':
    main()
