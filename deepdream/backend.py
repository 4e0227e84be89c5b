"""TensorFlow and Keras, imported once and quietly. Nothing else imports them, so that ``--help`` needs neither."""

import os
import sys
from contextlib import contextmanager

from deepdream.command_line import silent_stderr

# What fails raises an exception, too. Logged as errors beside it are harmless facts, as that oneDNN lacks float16 on
# processors without AVX-512, one line before every stage that uses the network.
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
os.environ.setdefault('TF_CPU_ALLOCATOR_USE_BFC', 'true')  # it keeps its memory: 1.5 times as fast on busy cores


@contextmanager
def hidden(*names):
    """Let imports within the block find no modules of these names, unless they are imported already."""
    new = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(new))  # with None, Python says that there is no such module
    try:
        yield
    finally:
        for name in new:
            del sys.modules[name]


# Keras imports these two where they are there, for wrappers and pictures that nothing here uses: a quarter of the time.
# TensorFlow prints seven lines as it starts, which none of its settings turns off.
with silent_stderr(), hidden('matplotlib', 'sklearn'):
    import keras
    import tensorflow as tf
    GPUS = tf.config.list_physical_devices('GPU')

__all__ = ['GPUS', 'keras', 'tf']
