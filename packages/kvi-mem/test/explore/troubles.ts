import fc from 'fast-check';
import type {Client, World} from './world.ts';

/** What happens to a client's process or connection at some step. */
export interface Trouble {
  client: number;
  after: number;
  kind: 'stands still' | 'loses its connection' | 'closes its handle';
}

/** Some troubles, of these kinds. */
export function troubles(
  clientCount: number,
  kinds: Trouble['kind'][] = ['stands still', 'loses its connection'],
): fc.Arbitrary<Trouble[]> {
  const trouble = fc.record<Trouble>({
    client: fc.nat(clientCount - 1),
    after: fc.nat(40),
    kind: fc.constantFrom(...kinds),
  });
  return fc.array(trouble, {maxLength: 3});
}

/** Makes it happen. */
export async function suffer(world: World, {client, after, kind}: Trouble): Promise<void> {
  const {driver, kv, lives} = clientOf(world, client);
  await world.steps(after, 'trouble is to come');
  if (kind === 'loses its connection') driver.loseConnection();
  else if (kind === 'closes its handle') await lives(kv.close());
  else {
    driver.stall();
    await world.steps(6, 'a process stands still');
    driver.goOn();
  }
}

/** The client of that number. */
export function clientOf({clients}: World, number: number): Client {
  const client = clients[number];
  if (client === undefined) throw new Error('there is no such client');
  return client;
}
