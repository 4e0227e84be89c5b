// Draws discs from a buffer of (x, y, radius, colour), 16 bytes each, in order: with WebGL or on a 2-D canvas.
'use strict';

const VERTEX_SHADER = `#version 300 es
in vec3 disc;  // x, y, radius in pixels
in vec4 colour;
uniform vec2 size;
out vec4 fill;
out float radius;
void main() {
  gl_Position = vec4(disc.xy / size * vec2(2, -2) + vec2(-1, 1), 0, 1);
  gl_PointSize = 2.0 * disc.z + 2.0;
  radius = disc.z;
  fill = colour;
}`;

const FRAGMENT_SHADER = `#version 300 es
precision highp float;
in vec4 fill;
in float radius;
out vec4 pixel;
void main() {
  float away = length(gl_PointCoord - 0.5) * (2.0 * radius + 2.0);
  float cover = clamp(radius - away + 0.5, 0.0, 1.0);
  float rim = clamp(away - radius + 1.5, 0.0, 1.0);  // a darker edge tells neighbours apart
  pixel = vec4(fill.rgb * (1.0 - 0.28 * rim), 1) * fill.a * cover;
}`;

class WebglPainter {
  constructor(canvas) {
    this.canvas = canvas;
    const gl = this.gl = canvas.getContext('webgl2', {antialias: false});
    if (!gl) throw new Error('no WebGL');
    const program = this.program(VERTEX_SHADER, FRAGMENT_SHADER);
    gl.useProgram(program);
    this.size = gl.getUniformLocation(program, 'size');
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    this.attribute(program, 'disc', 3, gl.FLOAT, false, 0);
    this.attribute(program, 'colour', 4, gl.UNSIGNED_BYTE, true, 12);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  program(...sources) {
    const gl = this.gl;
    const program = gl.createProgram();
    for (const [i, type] of [gl.VERTEX_SHADER, gl.FRAGMENT_SHADER].entries()) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, sources[i]);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    return program;
  }

  attribute(program, name, size, type, normalised, offset) {
    const place = this.gl.getAttribLocation(program, name);
    this.gl.enableVertexAttribArray(place);
    this.gl.vertexAttribPointer(place, size, type, normalised, 16, offset);
  }

  draw(discs, count) {
    const {gl, canvas} = this;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(this.size, canvas.width, canvas.height);
    gl.bufferData(gl.ARRAY_BUFFER, new Uint8Array(discs, 0, 16 * count), gl.STREAM_DRAW);
    gl.drawArrays(gl.POINTS, 0, count);
  }
}

class CanvasPainter {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d');
  }

  draw(discs, count) {
    const {canvas, context} = this;
    const [place, bytes] = [new Float32Array(discs), new Uint8Array(discs)];
    context.clearRect(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < count; i++) {
      const [r, g, b, a] = bytes.subarray(16 * i + 12, 16 * i + 16);
      context.fillStyle = `rgb(${r} ${g} ${b} / ${a / 255})`;
      context.beginPath();
      context.arc(place[4 * i], place[4 * i + 1], place[4 * i + 2], 0, 2 * Math.PI);
      context.fill();
    }
  }
}

function makePainter(canvas) {
  try {
    return new WebglPainter(canvas);
  } catch {
    return new CanvasPainter(canvas);
  }
}
