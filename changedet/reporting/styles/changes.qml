<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology|Labeling">
  <renderer-v2 type="categorizedSymbol" attr="CASE WHEN &quot;explained_by&quot; IS NOT NULL THEN 'explained' ELSE &quot;change&quot; END" symbollevels="0" enableorderby="0" forceraster="0">
    <categories>
      <category value="appeared" symbol="0" label="appeared" render="true"/>
      <category value="disappeared" symbol="1" label="disappeared" render="true"/>
      <category value="modified" symbol="2" label="modified" render="true"/>
      <category value="moved" symbol="3" label="moved" render="true"/>
      <category value="explained" symbol="4" label="explained away" render="true"/>
    </categories>
    <symbols>
      <symbol name="0" type="fill" alpha="1" clip_to_extent="1" force_rhr="0">
       <layer class="SimpleFill" enabled="1" locked="0" pass="0">
        <prop k="border_width_map_unit_scale" v="3x:0,0,0,0,0,0"/>
        <prop k="color" v="31,111,235,60"/>
        <prop k="joinstyle" v="bevel"/>
        <prop k="offset" v="0,0"/>
        <prop k="outline_color" v="31,111,235,255"/>
        <prop k="outline_style" v="solid"/>
        <prop k="outline_width" v="0.5"/>
        <prop k="outline_width_unit" v="MM"/>
        <prop k="style" v="solid"/>
       </layer>
      </symbol>
      <symbol name="1" type="fill" alpha="1" clip_to_extent="1" force_rhr="0">
       <layer class="SimpleFill" enabled="1" locked="0" pass="0">
        <prop k="border_width_map_unit_scale" v="3x:0,0,0,0,0,0"/>
        <prop k="color" v="215,38,56,60"/>
        <prop k="joinstyle" v="bevel"/>
        <prop k="offset" v="0,0"/>
        <prop k="outline_color" v="215,38,56,255"/>
        <prop k="outline_style" v="solid"/>
        <prop k="outline_width" v="0.5"/>
        <prop k="outline_width_unit" v="MM"/>
        <prop k="style" v="solid"/>
       </layer>
      </symbol>
      <symbol name="2" type="fill" alpha="1" clip_to_extent="1" force_rhr="0">
       <layer class="SimpleFill" enabled="1" locked="0" pass="0">
        <prop k="border_width_map_unit_scale" v="3x:0,0,0,0,0,0"/>
        <prop k="color" v="232,155,0,60"/>
        <prop k="joinstyle" v="bevel"/>
        <prop k="offset" v="0,0"/>
        <prop k="outline_color" v="232,155,0,255"/>
        <prop k="outline_style" v="solid"/>
        <prop k="outline_width" v="0.5"/>
        <prop k="outline_width_unit" v="MM"/>
        <prop k="style" v="solid"/>
       </layer>
      </symbol>
      <symbol name="3" type="fill" alpha="1" clip_to_extent="1" force_rhr="0">
       <layer class="SimpleFill" enabled="1" locked="0" pass="0">
        <prop k="border_width_map_unit_scale" v="3x:0,0,0,0,0,0"/>
        <prop k="color" v="142,68,173,60"/>
        <prop k="joinstyle" v="bevel"/>
        <prop k="offset" v="0,0"/>
        <prop k="outline_color" v="142,68,173,255"/>
        <prop k="outline_style" v="solid"/>
        <prop k="outline_width" v="0.5"/>
        <prop k="outline_width_unit" v="MM"/>
        <prop k="style" v="solid"/>
       </layer>
      </symbol>
      <symbol name="4" type="fill" alpha="1" clip_to_extent="1" force_rhr="0">
       <layer class="SimpleFill" enabled="1" locked="0" pass="0">
        <prop k="border_width_map_unit_scale" v="3x:0,0,0,0,0,0"/>
        <prop k="color" v="120,120,120,0"/>
        <prop k="joinstyle" v="bevel"/>
        <prop k="offset" v="0,0"/>
        <prop k="outline_color" v="120,120,120,255"/>
        <prop k="outline_style" v="dash"/>
        <prop k="outline_width" v="0.5"/>
        <prop k="outline_width_unit" v="MM"/>
        <prop k="style" v="solid"/>
       </layer>
      </symbol>
    </symbols>
  </renderer-v2>
</qgis>
