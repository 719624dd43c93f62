<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology|Labeling">
  <renderer-v2 type="singleSymbol" symbollevels="0" enableorderby="0" forceraster="0">
    <symbols>
      <symbol name="0" type="fill" alpha="1" clip_to_extent="1" force_rhr="0">
       <layer class="SimpleFill" enabled="1" locked="0" pass="0">
        <prop k="border_width_map_unit_scale" v="3x:0,0,0,0,0,0"/>
        <prop k="color" v="110,110,110,160"/>
        <prop k="joinstyle" v="bevel"/>
        <prop k="offset" v="0,0"/>
        <prop k="outline_color" v="110,110,110,160"/>
        <prop k="outline_style" v="solid"/>
        <prop k="outline_width" v="0.2"/>
        <prop k="outline_width_unit" v="MM"/>
        <prop k="style" v="b_diagonal"/>
       </layer>
      </symbol>
    </symbols>
  </renderer-v2>
</qgis>
