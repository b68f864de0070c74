const {transformSync} = require('esbuild');

/** A transform of jest that makes CommonJS of ES modules. */
module.exports = {
  process: (source, file) =>
    transformSync(source, {sourcefile: file, format: 'cjs', supported: {'dynamic-import': false}}),
};
