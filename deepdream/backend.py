"""TensorFlow and Keras, imported once and quietly. Nothing else imports them, so that ``--help`` needs neither."""

import os

from deepdream.command_line import silent_stderr

# What fails raises an exception, too. Logged as errors beside it are harmless facts, as that oneDNN lacks float16 on
# processors without AVX-512, one line before every stage that uses the network.
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
os.environ.setdefault('TF_CPU_ALLOCATOR_USE_BFC', 'true')  # it keeps its memory: 1.5 times as fast on busy cores

with silent_stderr():  # it prints seven lines as it starts, which none of its settings turns off
    import keras
    import tensorflow as tf
    GPUS = tf.config.list_physical_devices('GPU')

__all__ = ['GPUS', 'keras', 'tf']
