// The type of a dashboard file, built from @grafana/schema. The schema describes TypeScript values, but a file contains JSON, so enums
// become their strings. This file also closes what the schema leaves open: the Prometheus query, the annotation query, and the keys
// that this project requires for every panel.
import type { AnnotationQuery, Dashboard as SchemaDashboard, FieldConfig, Panel as SchemaPanel, RowPanel, VariableModel } from '@grafana/schema';
import type * as bargauge from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type * as heatmap from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as statetimeline from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

type Json<T> = unknown extends T ? T
  : T extends string ? `${T}`
  : T extends number | boolean | null | undefined ? T
  : T extends readonly (infer Item)[] ? Json<Item>[]
  : T extends object ? { [Key in keyof T]: Json<T[Key]> }
  : T;

interface Kinds {
  bargauge: [bargauge.Options, Record<string, never>];
  heatmap: [heatmap.Options, heatmap.FieldConfig];
  stat: [stat.Options, Record<string, never>];
  'state-timeline': [statetimeline.Options, statetimeline.FieldConfig];
  table: [table.Options, table.FieldConfig];
  timeseries: [timeseries.Options, timeseries.FieldConfig];
}

interface Source { type: 'prometheus'; uid: string }

interface Query {
  datasource: Source;
  refId: string;
  expr: string;
  legendFormat?: string;
  instant?: boolean;
  range?: boolean;
  interval?: string;
  format?: 'time_series' | 'table' | 'heatmap';
}

interface Fields<Custom> {
  defaults: Json<Omit<FieldConfig, 'custom'>> & { custom?: Json<Partial<Custom>> };
  overrides: { matcher: { id: 'byName' | 'byRegexp' | 'byType'; options: string }; properties: { id: string; value: unknown }[] }[];
}

export type Panel<Kind extends keyof Kinds> =
  Json<Omit<SchemaPanel, 'type' | 'options' | 'targets' | 'fieldConfig' | 'datasource' | 'transformations' | 'gridPos'>> & {
    id: number;
    type: Kind;
    title: string;
    description: string;
    datasource: Source;
    gridPos: { x: number; y: number; w: number; h: number };
    targets: Query[];
    options: Json<Partial<Kinds[Kind][0]>>;
    fieldConfig: Fields<Kinds[Kind][1]>;
    transformations?: { id: string; options: Record<string, unknown> }[];
  };

export type Row = Json<Omit<RowPanel, 'panels'>> & { panels: never[] };

export type Annotation = Json<Omit<AnnotationQuery, 'target'>> & {
  target: Query;
  titleFormat: string;
  textFormat: string;
  tagKeys: string;
  useValueForTime: boolean;
};

export type Variable = Json<Omit<VariableModel, 'query' | 'allValue'>> & {
  query: string | { query: string; refId: string };
  definition?: string;
  allValue?: string;
};

export type Dashboard = Json<Omit<SchemaDashboard, 'panels' | 'annotations' | 'templating'>>;
