// What every page needs: the API and the change stream.
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { ApiClient } from './api/client';
import type { LiveFeed } from './live/feed';

export interface Services {
  api: ApiClient;
  feed: LiveFeed;
}

export const ServicesContext = createContext<Services | undefined>(undefined);

export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (services === undefined) throw new Error('a page stands outside of the app');
  return services;
}
