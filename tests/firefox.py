"""A real, headless Firefox for the tests of the pages, by Marionette, the protocol that every Firefox speaks itself."""

import json
import shutil
import socket
import subprocess
import time

import pytest
from browser import LISTEN

SECONDS = 60


class Firefox:
    """A Firefox with a new profile in `folder`."""

    def __init__(self, executable, folder):
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = free.getsockname()[1]
        (folder / 'user.js').write_text(f'user_pref("marionette.port", {port});\n'
                                        'user_pref("datareporting.policy.dataSubmissionEnabled", false);\n')
        self.process = subprocess.Popen(
            [executable, '--headless', '--marionette', '--no-remote', '--profile', str(folder)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.file = self.connected(port).makefile('rwb')
        self.receive()
        self.call('WebDriver:NewSession')

    def connected(self, port):
        for _ in range(10 * SECONDS):
            try:
                return socket.create_connection(('127.0.0.1', port), timeout=SECONDS)
            except ConnectionRefusedError:
                time.sleep(0.1)
        raise TimeoutError('Firefox does not answer')

    def receive(self):
        length = b''
        while not length.endswith(b':'):
            length += self.file.read(1)
        return json.loads(self.file.read(int(length[:-1])))

    def call(self, command, **parameters):
        message = json.dumps([0, 1, command, parameters]).encode()
        self.file.write(b'%d:%b' % (len(message), message))
        self.file.flush()
        _, _, error, result = self.receive()
        assert not error, error
        return result

    def js(self, expression):
        """Return the value of an expression in the page itself, not in a sandbox beside it."""
        script = f'return window.eval({json.dumps(expression)});'
        return self.call('WebDriver:ExecuteScript', script=script, args=[], sandbox=None)['value']

    def open(self, path, ready):
        self.call('WebDriver:Navigate', url=path.resolve().as_uri())
        assert self.comes_true(ready)
        self.js(LISTEN)

    def comes_true(self, expression, seconds=15):
        end = time.monotonic() + seconds
        while not self.js(expression):
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def press(self, x, y):
        """Move the mouse there and hold the left button down."""
        self.call('WebDriver:PerformActions', actions=[{
            'type': 'pointer', 'id': 'mouse', 'parameters': {'pointerType': 'mouse'}, 'actions': [
                {'type': 'pointerMove', 'x': round(x), 'y': round(y)}, {'type': 'pointerDown', 'button': 0}]}])

    def release(self):
        self.call('WebDriver:ReleaseActions')

    def close(self):
        self.process.terminate()
        self.process.wait(SECONDS)


@pytest.fixture
def firefox(tmp_path_factory):
    """A fresh one for each test: its first sound is what takes long."""
    executable = shutil.which('firefox-esr') or shutil.which('firefox')
    if not executable:
        pytest.skip('there is no firefox: apt-get install firefox-esr')
    browser = Firefox(executable, tmp_path_factory.mktemp('firefox'))
    yield browser
    browser.close()
