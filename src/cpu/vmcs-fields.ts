// VMCS field encodings, control bits and exit reasons for software above the doorway: the very file the core is
// compiled from (SDM Vol. 3D "Field Encoding in VMCS").
export * from '../../asm/vmx/vmcs-fields.ts';
