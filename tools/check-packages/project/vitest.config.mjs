export default {test: {globals: true, setupFiles: ['kvi-mem/vitest'], include: ['tests/*.jest.mjs']}};
