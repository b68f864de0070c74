/** The recipes, for services: `import {...} from 'kvi/recipes'`. */
export * from 'kvi-core/recipes';
