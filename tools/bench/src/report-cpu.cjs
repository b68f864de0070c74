/** Required before a program: writes the CPU that its process took, the start of Node included, to the file descriptor 3. */
const {writeSync} = require('node:fs');
const process = require('node:process');

process.on('exit', () => writeSync(3, JSON.stringify(process.cpuUsage())));
