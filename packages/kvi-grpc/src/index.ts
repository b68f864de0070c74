/** The instances that `register` of `kvi/recipes` lists, for clients of `@grpc/grpc-js`. */
export {type KviResolverOptions, registerKviResolver} from './resolver.ts';
